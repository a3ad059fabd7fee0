//! What may be printed.

/// Whether every byte is printable ASCII, so that no shell, terminal or HTTP client makes something else of it.
pub fn is_printable(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}
