//! Enums that a vendor may extend.

/// Defines an enum of the values that a spec lists, with one more variant for any other value.
///
/// The additional variant keeps the value as the vendor sent it, so that a new value is not an error.
///
/// ```
/// freshtoken_wire::open_enum! {
///     /// What a token is for.
///     pub enum Scope else Other {
///         /// Everything.
///         Api = "api",
///         /// The trash bin.
///         TrashBin = "trash-bin",
///     }
/// }
///
/// assert_eq!(Scope::from("trash-bin"), Scope::TrashBin);
/// assert_eq!(Scope::from("brand-new").as_str(), "brand-new");
/// ```
#[macro_export]
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $name:ident else $fallback:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $value:literal),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        $visibility enum $name {
            $($(#[$variant_meta])* $variant,)*
            /// A value that the spec does not list, as the vendor sent it. Create it with `From`, which returns one of the
            /// variants above for a listed value.
            $fallback(::std::string::String),
        }

        impl $name {
            /// The values that the spec lists, as they are sent.
            pub const KNOWN: &'static [&'static str] = &[$($value),*];

            /// Returns the value as it is sent.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $value,)*
                    Self::$fallback(value) => value,
                }
            }

            /// Returns whether the spec lists the value.
            pub fn is_known(&self) -> bool {
                !::std::matches!(self, Self::$fallback(_))
            }
        }

        impl ::std::convert::From<&str> for $name {
            fn from(value: &str) -> Self {
                match value {
                    $($value => Self::$variant,)*
                    _ => Self::$fallback(::std::convert::From::from(value)),
                }
            }
        }

        impl ::std::convert::From<::std::string::String> for $name {
            fn from(value: ::std::string::String) -> Self {
                match value.as_str() {
                    $($value => Self::$variant,)*
                    _ => Self::$fallback(value),
                }
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = ::std::convert::Infallible;

            fn from_str(value: &str) -> ::std::result::Result<Self, ::std::convert::Infallible> {
                ::std::result::Result::Ok(::std::convert::From::from(value))
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::std::convert::AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl $crate::private::serde::Serialize for $name {
            fn serialize<S: $crate::private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::private::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                $crate::de::text(deserializer).map(::std::convert::From::from)
            }
        }
    };
}
