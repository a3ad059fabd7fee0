//! `revoke`: at the vendor and here, or only here.

use freshtoken::ErrorKind;

use crate::args::Revoke;
use crate::context::{Context, finish, run, runtime};
use crate::failure::Failure;

pub fn perform(context: &Context, revoke: &Revoke) -> Result<(), Failure> {
    let account = context.account(&revoke.which)?;
    let opened = context.open(&account)?;
    let runtime = runtime()?;
    let result = run(&runtime, context.timeout()?, async {
        let result = if revoke.forget { opened.tokens.forget().await } else { opened.tokens.revoke().await };
        match result {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                opened.tokens.forget().await?;
                let name = &account.name;
                Err(Failure::other(format!(
                    "{name}: this vendor revokes no tokens; the token is forgotten here, and valid there until it expires"
                )))
            }
            result => result.map_err(|error| opened.problems.take().unwrap_or_else(|| error.into())),
        }
    });
    drop(opened);
    finish(runtime);
    result
}
