//! Which model is ready, where a server has room for one.

use std::sync::Arc;

use crate::time::MonotonicNs;

/// The model that is ready, or gets so. The first one is ready from the start.
#[derive(Debug, Default)]
pub(super) struct Residence {
    switch_ns: i64,
    model: Option<Arc<str>>,
    ready_ns: MonotonicNs,
}

impl Residence {
    /// Making another model ready takes so long.
    pub(super) fn new(switch_ns: i64) -> Self {
        Self { switch_ns, model: None, ready_ns: MonotonicNs::MIN }
    }

    /// When a request for `model` that has its slot at `at` can begin. One switch waits for the one before.
    pub(super) fn ready_at(&mut self, model: Option<&Arc<str>>, at: MonotonicNs) -> MonotonicNs {
        let Some(model) = model else { return at };
        if self.model.as_ref().is_some_and(|resident| resident != model) {
            self.ready_ns = self.ready_ns.max(at).saturating_add(self.switch_ns);
        }
        if self.model.as_ref() != Some(model) {
            self.model = Some(Arc::clone(model));
        }
        self.ready_ns.max(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_model_takes_its_time_and_the_same_none() {
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let mut residence = Residence::new(100);
        for (model, at, ready) in
            [(&a, 5, 5), (&a, 6, 6), (&b, 10, 110), (&b, 20, 110), (&b, 200, 200), (&a, 210, 310), (&b, 220, 410)]
        {
            assert_eq!(residence.ready_at(Some(model), at), ready, "{model} at {at}");
        }
        assert_eq!(residence.ready_at(None, 7), 7);
    }
}
