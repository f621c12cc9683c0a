use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use jiff::{Timestamp, fmt::rfc2822};

use crate::record::Cause;
use crate::scenario::{Retries, RetryCause};
use crate::time::{MonotonicNs, duration_ns};

use super::observation::Observation;

/// When a failed request is sent again.
#[derive(Debug, Default)]
pub(crate) struct RetryRule {
    retries: Retries,
}

/// Whether a failed request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// No.
    No,
    /// After that time.
    After(Duration),
    /// It would be, after that time, but the limit on the whole request would have passed by then.
    TooLate(Duration),
}

impl RetryRule {
    /// The scenario's rule.
    pub(crate) fn new(retries: Retries) -> Self {
        Self { retries }
    }

    /// What follows an attempt that was sent again so many times before. `total` limits the whole request, which began
    /// at `begun_ns`.
    ///
    /// Once content has come, a request is never sent again: its answer was being read, and a second one would be
    /// another answer.
    pub(crate) fn judge(
        &self,
        observed: &Observation,
        sent_again: u32,
        total: Duration,
        begun_ns: MonotonicNs,
        now_ns: MonotonicNs,
    ) -> Again {
        let Some(failure) = observed.failure() else { return Again::No };
        let is_listed = self.retries.on.iter().any(|cause| cause_of(*cause) == failure.cause);
        let passes = failure.cause != Cause::HttpStatus || observed.http_status().is_some_and(passes_by_itself);
        if sent_again >= self.retries.count || !is_listed || !passes || observed.has_content() {
            return Again::No;
        }
        let backoff = self.retries.backoff.saturating_mul(2_u32.saturating_pow(sent_again));
        let asked = observed.refused().and_then(|refused| retry_after(&refused.headers));
        let wait = asked.map_or(backoff, |asked| asked.max(backoff));
        let from = observed.stamps().sent_ns.unwrap_or(begun_ns);
        let by_then = now_ns.saturating_sub(from).saturating_add(duration_ns(wait));
        if by_then >= duration_ns(total) { Again::TooLate(wait) } else { Again::After(wait) }
    }
}

fn cause_of(cause: RetryCause) -> Cause {
    match cause {
        RetryCause::RateLimited => Cause::RateLimited,
        RetryCause::Connect => Cause::Connect,
        RetryCause::ConnectTimeout => Cause::ConnectTimeout,
        RetryCause::HttpStatus => Cause::HttpStatus,
        RetryCause::StreamCut => Cause::StreamCut,
    }
}

/// Whether the same request may fare better later. Whatever else is wrong with it stays wrong.
fn passes_by_itself(status: u16) -> bool {
    let permanent = [StatusCode::NOT_IMPLEMENTED, StatusCode::HTTP_VERSION_NOT_SUPPORTED].map(|status| status.as_u16());
    matches!(status, 408 | 425 | 500..=599) && !permanent.contains(&status)
}

/// How long the server asks to wait (RFC 9110, section 10.2.3): seconds, or a date. A date is held against the
/// answer's own `Date` where it has one: the server's clock need not be ours.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let date = |text: &str| rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let now = text(DATE).and_then(date).unwrap_or_else(Timestamp::now);
    let seconds = date(asked)?.as_second() - now.as_second();
    Some(Duration::from_secs(seconds.try_into().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::client;
    use crate::record::{Failure, Outcome};
    use hyper::header::HeaderValue;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn seconds_and_dates_say_how_long_to_wait() {
        let at = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (asked, date, seconds) in [
            ("7", None, Some(7.0)),
            (" 0 ", None, Some(0.0)),
            ("1.5", None, Some(1.5)),
            ("-3", None, None),
            ("NaN", None, None),
            ("1e400", None, None),
            ("soon", None, None),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(at), Some(10.0)),
            ("Sun, 06 Nov 1994 08:49:17 GMT", Some(at), Some(0.0)),
            (at, None, Some(0.0)),
        ] {
            let mut all = headers(&[(RETRY_AFTER, asked)]);
            all.extend(date.map(|date| (DATE, HeaderValue::from_static(date))));
            assert_eq!(retry_after(&all).map(|wait| wait.as_secs_f64()), seconds, "{asked:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    const SECOND: MonotonicNs = 1_000_000_000;

    /// What the rule says of that failure after a second, with ten in all.
    fn judged(
        on: Vec<RetryCause>,
        sent_again: u32,
        failed: (Cause, Option<u16>),
        asked: Option<&'static str>,
    ) -> Again {
        let rule = RetryRule::new(Retries { count: 3, backoff: Duration::from_secs(1), on });
        let mut observed = client("http://127.0.0.1:9/v1").observation();
        observed.begin_attempt(0);
        if let Some(status) = failed.1 {
            observed.head(status, Some(1));
        }
        let outcome = Outcome::Failed(Failure::new(failed.0, ""));
        observed
            .keep_headers_of_failure(&outcome, asked.map(|asked| headers(&[(RETRY_AFTER, asked)])).unwrap_or_default());
        observed.end(outcome, SECOND);
        rule.judge(&observed, sent_again, Duration::from_secs(10), 0, SECOND)
    }

    #[test]
    fn what_is_sent_again_and_when() {
        use RetryCause::{Connect, ConnectTimeout, HttpStatus, RateLimited, StreamCut};
        let after = |seconds| Again::After(Duration::from_secs(seconds));
        let limited = (Cause::RateLimited, Some(429));
        for (on, sent_again, failed, asked, expected) in [
            (vec![RateLimited], 0, limited, None, after(1)),
            (vec![RateLimited], 1, limited, None, after(2)),
            (vec![RateLimited], 2, limited, None, after(4)),
            (vec![RateLimited], 3, limited, None, Again::No),
            (vec![RateLimited], 0, limited, Some("5"), after(5)),
            (vec![RateLimited], 2, limited, Some("0"), after(4)),
            (vec![RateLimited], 0, limited, Some("9"), Again::TooLate(Duration::from_secs(9))),
            (vec![Connect], 0, limited, None, Again::No),
            (vec![], 0, limited, None, Again::No),
            (vec![Connect], 0, (Cause::Connect, None), None, after(1)),
            (vec![Connect], 0, (Cause::ConnectTimeout, None), None, Again::No),
            (vec![ConnectTimeout], 0, (Cause::ConnectTimeout, None), None, after(1)),
            (vec![StreamCut], 0, (Cause::StreamCut, Some(200)), None, after(1)),
            (vec![HttpStatus], 0, (Cause::HttpStatus, Some(503)), Some("3"), after(3)),
            (vec![HttpStatus], 0, (Cause::HttpStatus, Some(501)), None, Again::No),
            (vec![HttpStatus], 0, (Cause::HttpStatus, Some(400)), None, Again::No),
            (vec![HttpStatus], 0, (Cause::HttpStatus, Some(307)), None, Again::No),
            (vec![HttpStatus], 0, (Cause::HttpStatus, Some(408)), None, after(1)),
        ] {
            assert_eq!(
                judged(on.clone(), sent_again, failed, asked),
                expected,
                "{on:?} {sent_again} {failed:?} {asked:?}"
            );
        }
    }
}
