//! The template of a new vendor's spec.

use crate::vendor::Vendor;

/// Returns a commented fragment, which passes `gen` unchanged.
pub fn fragment(vendor: &Vendor) -> String {
    TEMPLATE.replace("VENDOR", vendor.stem())
}

const TEMPLATE: &str = include_str!("new/fragment.yaml.txt");
