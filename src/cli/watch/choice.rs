use crate::cli::args::OnEdit;
use crate::load::Stop;
use crate::plan::CellDigest;

/// How far a run is stopped when a file changed under it.
///
/// `in_flight` is the digest of the cell that is measured, `None` between two; `wanted` the digest that the changed
/// scenario has for the same repeat of it, `None` when it has none.
pub(super) fn on_edit(policy: OnEdit, in_flight: Option<&CellDigest>, wanted: Option<&CellDigest>) -> Stop {
    let is_touched = in_flight.is_none() || in_flight != wanted;
    match policy {
        OnEdit::Finish => Stop::Finishing,
        OnEdit::Auto if !is_touched => Stop::Finishing,
        OnEdit::Auto | OnEdit::Cancel => Stop::Cancelling,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_that_an_edit_leaves_alone_is_finished_unless_told_otherwise() {
        use OnEdit::{Auto, Cancel, Finish};
        use Stop::{Cancelling, Finishing};
        for (policy, in_flight, wanted, expected) in [
            (Auto, Some("a"), Some("a"), Finishing),
            (Auto, Some("a"), Some("b"), Cancelling),
            (Auto, Some("a"), None, Cancelling),
            (Auto, None, None, Cancelling),
            (Finish, Some("a"), Some("b"), Finishing),
            (Finish, Some("a"), None, Finishing),
            (Cancel, Some("a"), Some("a"), Cancelling),
        ] {
            let digest = |text: &str| CellDigest(text.to_owned());
            let (in_flight, wanted) = (in_flight.map(digest), wanted.map(digest));
            let chosen = on_edit(policy, in_flight.as_ref(), wanted.as_ref());
            assert_eq!(chosen, expected, "{policy:?} {in_flight:?} {wanted:?}");
        }
    }
}
