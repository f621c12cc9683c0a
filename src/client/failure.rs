use std::error::Error;
use std::io;

use crate::record::{Cause, Failure};
use crate::text::{Secrets, shorten};

/// Characters of a message that are kept.
const LONGEST_MESSAGE: usize = 300;

/// `failure` as it may be written: one line, without secrets, at most 300 characters.
pub(crate) fn presentable(failure: Failure, secrets: &Secrets) -> Failure {
    let Failure { cause, message } = failure;
    Failure { cause, message: presentable_text(&message, secrets) }
}

/// `text` on one line, without secrets, at most 300 characters.
pub(crate) fn presentable_text(text: &str, secrets: &Secrets) -> String {
    // Secrets go first: joining the words or cutting could leave a part of one that no longer matches.
    let redacted = secrets.redact(text);
    let line = redacted.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    shorten(&line.collect::<Vec<_>>().join(" "), LONGEST_MESSAGE)
}

/// An error with everything that caused it, each said once.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

/// Whether the failure to open a socket is a limit of this machine rather than the server's doing.
pub(crate) fn is_our_limit(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let ours = [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL, Errno::NOBUFS, Errno::NOMEM];
    error.raw_os_error().is_some_and(|code| ours.iter().any(|errno| errno.raw_os_error() == code))
}

/// The cause of a failure to open a connection.
pub(crate) fn connect_cause(error: &io::Error) -> Cause {
    if is_our_limit(error) { Cause::Internal } else { Cause::Connect }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_one_short_line_without_secrets() {
        let mut secrets = Secrets::default();
        secrets.add("sk-12 34");
        let said = presentable_text("key\n\tsk-12 34  is\r\n\u{7}bad", &secrets);
        assert_eq!(said, "key [redacted] is bad");
        let long = presentable_text(&"x".repeat(1000), &secrets);
        assert_eq!(long.chars().count(), LONGEST_MESSAGE);
    }

    #[test]
    fn a_chain_says_each_cause_once() {
        let inner = io::Error::other("reset");
        let outer = io::Error::other(inner);
        assert_eq!(chain(&outer), "reset");
    }

    #[test]
    fn limits_of_this_machine_are_ours() {
        assert_eq!(connect_cause(&io::Error::from_raw_os_error(24)), Cause::Internal);
        assert_eq!(connect_cause(&io::Error::from(io::ErrorKind::ConnectionRefused)), Cause::Connect);
    }
}
