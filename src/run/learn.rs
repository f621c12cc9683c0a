use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};

use super::error::RunError;
use super::event::{Observer, RunEvent};
use super::sites::{Sites, one_line, target_of};
use super::tokenizers::{Origin, Ready, Tokenizers};
use crate::client::{Asked, Client, Target};
use crate::plan::{Cell, Plan};
use crate::record::{Outcome, Phase};
use crate::scenario::Scenario;
use crate::seed::Seed;
use crate::store::ProbeReport;
use crate::tokens::Tokenizer;
use crate::workload::{
    Calibration, CalibrationStep, ChatRequest, Fitter, Message, Probe, ProbeResult, Prompts, TokenModel,
    server_tokenizer_of,
};

/// Longer than this a probe is not waited for.
const PROBE_LIMIT: Duration = Duration::from_secs(60);

/// How the tokens of one model at one endpoint are counted.
#[derive(Debug, Clone)]
pub(super) struct Counting {
    pub(super) tokenizer: Arc<dyn Tokenizer>,
    pub(super) fitter: Arc<Fitter>,
    pub(super) origin: Origin,
    pub(super) model: TokenModel,
}

impl Counting {
    /// The same with prompts of the words that the server has as one token each, where it has not all of them so.
    fn of_known_words(mut self) -> Self {
        if !self.model.words.is_empty() {
            self.tokenizer = server_tokenizer_of(&self.model.words);
            self.fitter = Arc::new(Fitter::new(self.tokenizer.as_ref()));
        }
        self
    }
}

/// How tokens are counted, by endpoint and model label.
#[derive(Debug, Clone, Default)]
pub(super) struct Countings {
    by_target: BTreeMap<(String, String), Counting>,
    pub(super) reports: Vec<ProbeReport>,
}

impl Countings {
    /// Sends the probes that learn each chat template's tokens: endpoints at once, the models of one after the other.
    pub(super) async fn learn(learner: &Learner<'_>, plan: &Plan) -> Result<Self, RunError> {
        let mut seen = BTreeSet::new();
        let mut by_endpoint: BTreeMap<&str, Vec<&Cell>> = BTreeMap::new();
        for cell in plan.cells.iter().filter(|cell| seen.insert((cell.axes.endpoint(), cell.axes.model()))) {
            by_endpoint.entry(cell.axes.endpoint()).or_default().push(cell);
        }
        let looking = by_endpoint.into_values().map(async |cells| {
            let mut learnt = Vec::new();
            for cell in cells {
                learnt.push((cell, learner.look_at(cell).await?));
            }
            Ok::<_, RunError>(learnt)
        });
        let mut countings = Self::default();
        for (cell, (counting, report)) in try_join_all(looking).await?.into_iter().flatten() {
            let key = (cell.axes.endpoint().to_owned(), cell.axes.model().to_owned());
            countings.reports.push(report);
            countings.by_target.insert(key, counting);
        }
        Ok(countings)
    }

    pub(super) fn of(&self, endpoint: &str, label: &str) -> Result<&Counting, RunError> {
        let key = (endpoint.to_owned(), label.to_owned());
        self.by_target.get(&key).ok_or_else(|| RunError::Internal(format!("model `{label}` was not looked at")))
    }

    /// The token models for the manifest, by `endpoint/model`.
    pub(super) fn models(&self) -> BTreeMap<String, serde_json::Value> {
        let entry = |((endpoint, label), counting): (&(String, String), &Counting)| {
            let model = serde_json::to_value(&counting.model).ok()?;
            let mut entry = serde_json::to_value(&counting.origin).ok()?;
            entry.as_object_mut()?.extend(model.as_object()?.clone());
            Some((format!("{endpoint}/{label}"), entry))
        };
        self.by_target.iter().filter_map(entry).collect()
    }
}

/// Finds out how the models of a plan are counted.
pub(super) struct Learner<'r> {
    pub(super) scenario: &'r Scenario,
    pub(super) sites: &'r Sites,
    pub(super) tokenizers: &'r Tokenizers,
    pub(super) prompts: &'r Prompts,
    pub(super) observer: &'r dyn Observer,
}

impl Learner<'_> {
    /// Looks at the model of a cell at its endpoint.
    ///
    /// A probe that fails leaves it with an assumed overhead of nothing; the run goes on. Where the server counts
    /// otherwise than a tokenizer that was only guessed by the model's name, the server itself counts.
    async fn look_at(&self, cell: &Cell) -> Result<(Counting, ProbeReport), RunError> {
        let (endpoint, label) = (cell.axes.endpoint(), cell.axes.model());
        let model = self.scenario.models.get(label);
        let ready = self.tokenizers.of(model);
        self.observer.tell(RunEvent::Probing { endpoint: endpoint.to_owned(), model: label.to_owned() });
        let target = target_of(self.scenario, cell);
        // What renders for no cell was told before: then the probes go without it.
        let system = self.prompts.system(&cell.axes, 0, Seed::root(self.scenario.seed)).ok().flatten();
        let probing = Probing { client: self.sites.client(endpoint)?, target: &target, system };
        let (mut counting, mut report) = probing.calibrate(ready, endpoint, label).await;
        let guessed = model.is_some_and(|model| model.tokenizer.is_none()) && ready.tokenizer.takes_any_text();
        if guessed && counting.model.mismatch {
            self.observer.tell(RunEvent::Warning(format!(
                "model `{label}` at `{endpoint}`: {} is not its tokenizer; the server counts",
                ready.origin.tokenizer
            )));
            let sent = report.sent;
            (counting, report) = probing.calibrate(self.tokenizers.of_server(), endpoint, label).await;
            report.sent += sent;
        }
        tell(&counting.model, &report, self.observer);
        Ok((counting, report))
    }
}

fn tell(model: &TokenModel, report: &ProbeReport, observer: &dyn Observer) {
    let (endpoint, label) = (&report.endpoint, &report.model);
    if let Some(failed) = &report.failed {
        observer.tell(RunEvent::Warning(format!(
            "model `{label}` at `{endpoint}`: the probe failed ({failed}); input tokens are exact but for its chat template"
        )));
    } else if model.mismatch {
        observer.tell(RunEvent::Warning(format!(
            "model `{label}` at `{endpoint}`: the server counts otherwise than the tokenizer; \
             compare input_tokens_server with input_tokens_requested in the rows"
        )));
    }
}

/// What the probes of one model at one endpoint take.
struct Probing<'r> {
    client: &'r Client,
    target: &'r Target,
    /// The system message that its requests have: chat templates add other tokens with one than without.
    system: Option<String>,
}

impl Probing<'_> {
    async fn calibrate(&self, ready: &Ready, endpoint: &str, label: &str) -> (Counting, ProbeReport) {
        let Ready { tokenizer, fitter, origin } = ready.clone();
        let calibration = Calibration::new(Arc::clone(&tokenizer));
        let system_tokens = self.system.as_deref().map_or(0, |system| tokenizer.count(system) as u64);
        let mut observed = Vec::new();
        let mut report = ProbeReport {
            endpoint: endpoint.to_owned(),
            model: label.to_owned(),
            sent: 0,
            overhead_tokens: None,
            failed: None,
        };
        loop {
            let probes = match calibration.next(&observed) {
                CalibrationStep::Probes(probes) => probes,
                CalibrationStep::Done(model) => {
                    report.overhead_tokens = Some(model.overhead);
                    let counting = Counting { tokenizer, fitter, origin, model };
                    return (counting.of_known_words(), report);
                }
            };
            let sending = probes.into_iter().map(async |Probe { text, text_tokens }| {
                let counted = self.probe(text).await;
                counted.map(|prompt_tokens_server| ProbeResult {
                    text_tokens: text_tokens + system_tokens,
                    prompt_tokens_server,
                })
            });
            for outcome in join_all(sending).await {
                report.sent += 1;
                match outcome {
                    Ok(result) => observed.push(result),
                    Err(failed) => {
                        report.failed.get_or_insert(failed);
                    }
                }
            }
            if report.failed.is_some() {
                return (Counting { tokenizer, fitter, origin, model: TokenModel::assumed() }, report);
            }
        }
    }

    /// Sends one text and returns the server's count of its input tokens.
    async fn probe(&self, text: String) -> Result<u64, String> {
        let system = self.system.as_deref().map(Message::system);
        let messages = system.into_iter().chain([Message::user(text)]).collect();
        let request = ChatRequest { messages, output_tokens: Some(1), ..ChatRequest::default() };
        let body = self.client.encode(&request, self.target);
        let mut observed = self.client.observation();
        if tokio::time::timeout(PROBE_LIMIT, self.client.exchange(&body, &mut observed)).await.is_err() {
            return Err(format!("no answer within {}", crate::units::format_duration(PROBE_LIMIT)));
        }
        let asked = Asked {
            request_index: 0,
            phase: Phase::Warmup,
            model_id: &self.target.model_id,
            request: &request,
            conversation: None,
            turn: None,
            scheduled_ns: None,
        };
        let record = observed.into_record(&asked, None);
        match record.outcome {
            Outcome::Failed(failure) => Err(one_line(&failure)),
            _ => record.tokens.input_server.ok_or_else(|| "the server does not count input tokens".to_owned()),
        }
    }
}
