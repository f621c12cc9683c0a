use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::error::RunError;
use super::event::{Observer, RunEvent};
use super::sites::{Sites, one_line, target};
use crate::client::{Asked, Client, Target};
use crate::plan::Plan;
use crate::record::{Outcome, Phase};
use crate::scenario::{Scenario, TokenizerSource};
use crate::seed::Seed;
use crate::store::ProbeReport;
use crate::tokens::Tokenizer;
use crate::workload::{Calibration, CalibrationStep, ChatRequest, Message, ProbeResult, Prompts, TokenModel};
use crate::workload::{Fitter, load_tokenizer, server_tokenizer, word_tokenizer};

/// Longer than this a probe is not waited for.
const PROBE_LIMIT: Duration = Duration::from_secs(60);

/// How the tokens of one model at one endpoint are counted.
#[derive(Debug, Clone)]
pub(super) struct Counting {
    pub(super) tokenizer: Arc<dyn Tokenizer>,
    pub(super) fitter: Arc<Fitter>,
    pub(super) model: TokenModel,
}

/// How tokens are counted, by endpoint and model label.
#[derive(Debug, Default)]
pub(super) struct Countings {
    by_target: BTreeMap<(String, String), Counting>,
    pub(super) reports: Vec<ProbeReport>,
}

impl Countings {
    /// Loads the tokenizers and sends the probes that learn each chat template's tokens.
    ///
    /// A probe that fails leaves its model with an assumed overhead of nothing; the run goes on.
    pub(super) async fn learn(
        scenario: &Scenario,
        plan: &Plan,
        sites: &Sites,
        prompts: &Prompts,
        observer: &dyn Observer,
    ) -> Result<Self, RunError> {
        let mut countings = Self::default();
        let mut tokenizers: BTreeMap<Option<TokenizerSource>, (Arc<dyn Tokenizer>, Arc<Fitter>)> = BTreeMap::new();
        for cell in &plan.cells {
            let (endpoint, label) = (cell.axes.endpoint(), cell.axes.model());
            let key = (endpoint.to_owned(), label.to_owned());
            if countings.by_target.contains_key(&key) {
                continue;
            }
            let source = scenario.models.get(label).and_then(|model| model.tokenizer.clone());
            let (tokenizer, fitter) = match tokenizers.get(&source) {
                Some(known) => known.clone(),
                None => {
                    let loaded = match &source {
                        None => server_tokenizer(),
                        Some(TokenizerSource::File(path)) => load_tokenizer(path)
                            .map_err(|message| RunError::Tokenizer { model: label.to_owned(), message })?,
                        _ => word_tokenizer(),
                    };
                    let fitter = Arc::new(Fitter::new(loaded.as_ref()));
                    tokenizers.insert(source, (Arc::clone(&loaded), Arc::clone(&fitter)));
                    (loaded, fitter)
                }
            };
            observer.tell(RunEvent::Probing { endpoint: endpoint.to_owned(), model: label.to_owned() });
            let target = target(scenario, endpoint, label);
            // What renders for no cell was told before: then the probes go without it.
            let system = prompts.system(&cell.axes, 0, Seed::root(scenario.seed)).ok().flatten();
            let probing = Probing { client: sites.client(endpoint)?, target: &target, tokenizer: &tokenizer, system };
            let (model, report) = probing.calibrate(endpoint, label).await;
            tell(&model, &report, observer);
            countings.reports.push(report);
            countings.by_target.insert(key, Counting { tokenizer, fitter, model });
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
            Some((format!("{endpoint}/{label}"), serde_json::to_value(&counting.model).ok()?))
        };
        self.by_target.iter().filter_map(entry).collect()
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
    tokenizer: &'r Arc<dyn Tokenizer>,
    /// The system message that its requests have: chat templates add other tokens with one than without.
    system: Option<String>,
}

impl Probing<'_> {
    async fn calibrate(&self, endpoint: &str, label: &str) -> (TokenModel, ProbeReport) {
        let calibration = Calibration::new(Arc::clone(self.tokenizer));
        let system_tokens = self.system.as_deref().map_or(0, |system| self.tokenizer.count(system) as u64);
        let mut observed = Vec::new();
        let mut report = ProbeReport {
            endpoint: endpoint.to_owned(),
            model: label.to_owned(),
            sent: 0,
            overhead_tokens: None,
            failed: None,
        };
        loop {
            let (text, text_tokens) = match calibration.next(&observed) {
                CalibrationStep::Probe { text, text_tokens } => (text, text_tokens + system_tokens),
                CalibrationStep::Done(model) => {
                    report.overhead_tokens = Some(model.overhead);
                    return (model, report);
                }
            };
            report.sent += 1;
            match self.probe(text).await {
                Ok(prompt_tokens_server) => observed.push(ProbeResult { text_tokens, prompt_tokens_server }),
                Err(failed) => {
                    report.failed = Some(failed);
                    return (TokenModel::assumed(), report);
                }
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
