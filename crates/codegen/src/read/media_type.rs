//! Media types: JSON or a form, however a spec writes them.

/// The media type of an HTML form.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Whether a media type is `application/json`, or another with the suffix `+json`. Parameters are ignored.
pub fn is_json(media_type: &str) -> bool {
    let essence = essence(media_type);
    essence == "application/json" || essence.ends_with("+json")
}

/// Whether a media type is an HTML form.
pub fn is_form(media_type: &str) -> bool {
    essence(media_type) == FORM
}

/// Returns type and subtype in lower case, without parameters.
pub fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_forms_are_recognized_in_any_spelling() {
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"] {
            assert!(is_json(json) && !is_form(json), "{json}");
        }
        for form in [FORM, "Application/X-WWW-Form-URLencoded", "application/x-www-form-urlencoded;charset=UTF-8"] {
            assert!(is_form(form) && !is_json(form), "{form}");
        }
        assert!(is_json("application/x-www-form-urlencoded+json"));
        assert!(!is_form("application/x-www-form-urlencoded+json"));
        assert!(!is_json("text/plain"));
    }
}
