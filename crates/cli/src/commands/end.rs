//! `revoke`: at the vendor and here, or only here.

use freshtoken::ErrorKind;

use crate::args::Revoke;
use crate::context::{Context, finish, run, runtime};
use crate::failure::Failure;

pub fn perform(context: &Context, revoke: &Revoke) -> Result<(), Failure> {
    let account = context.account(&revoke.which)?;
    let opened = context.open(&account)?;
    if revoke.forget {
        opened.refusals.forget();
    }
    let runtime = runtime()?;
    let failed = |error: freshtoken::Error| opened.problems.take().unwrap_or_else(|| Failure::of(&error, &account));
    let result = run(&runtime, context.timeout()?, async {
        let result = if revoke.forget { opened.tokens.forget().await } else { opened.tokens.revoke().await };
        match result {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                opened.tokens.forget().await.map_err(failed)?;
                let name = &account.name;
                Err(Failure::other(format!(
                    "{name}: this vendor revokes no tokens; the token is forgotten here, and valid there until it expires"
                )))
            }
            Err(error) if error.kind() == ErrorKind::Refused => {
                let failure = failed(error);
                let hint = format!("; `freshtoken revoke {} --forget` forgets the token here", account.argument());
                Err(Failure { message: failure.message + &hint, ..failure })
            }
            Err(error) => Err(failed(error)),
        }
    });
    drop(opened);
    finish(runtime);
    result
}
