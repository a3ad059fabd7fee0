//! How a diagnostic gets the name of its rule: from the function that reports it.

/// Calls the function of a lint rule.
///
/// Everything that it reports carries its name, in kebab-case: what `unknown_keys` reports ends with `[unknown-keys]`.
macro_rules! rule {
    ($rule:ident($lint:expr $(, $argument:expr)* $(,)?)) => {{
        let outer = $lint.enter(stringify!($rule));
        let result = $rule($lint $(, $argument)*);
        $lint.leave(outer);
        result
    }};
}

pub(crate) use rule;
