//! Who comes in: an API token, or the cookie that one was changed into at `/login`. The token decides the tenant.
mod cookie;
mod guard;
mod login;
mod token;

pub(crate) use guard::{Caller, guard};
pub(crate) use login::routes;
pub(crate) use token::{Keys, secret};
