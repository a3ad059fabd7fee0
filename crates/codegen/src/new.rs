//! The fragment that a new vendor starts from.

use crate::vendor::Vendor;

/// A commented fragment, which passes `gen` as it stands.
pub fn fragment(vendor: &Vendor) -> String {
    TEMPLATE.replace("VENDOR", vendor.stem())
}

const TEMPLATE: &str = include_str!("new/fragment.yaml.txt");
