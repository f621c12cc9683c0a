use std::collections::{BTreeMap, BTreeSet};

use super::error::RunError;
use super::event::{Observer, RunEvent};
use super::simulated;
use crate::client::{Client, ControlError, Scraper, Target, samples};
use crate::plan::{Cell, Plan};
use crate::record::{Cause, Failure};
use crate::scenario::{Endpoint, Scenario};
use crate::simulator::HostedSimulator;
use crate::store::ServerIdentity;
use crate::text::shorten;
use crate::time::Clock;
use crate::workload::render_body;

/// The endpoints that a plan uses, each with a client, reached once.
#[derive(Debug, Default)]
pub(super) struct Sites {
    clients: BTreeMap<String, Client>,
    /// Of those that have a Prometheus page.
    scrapers: BTreeMap<String, Scraper>,
    base_urls: BTreeMap<String, String>,
    identities: BTreeMap<String, ServerIdentity>,
    /// Kept for as long as the run: they stop when dropped.
    simulators: Vec<HostedSimulator>,
}

/// What a server says of itself.
struct Greeting {
    /// The ids that it lists, and the `server` header of that answer.
    models: Result<(Vec<String>, Option<String>), ControlError>,
    version: Option<String>,
    /// When its process started, seconds since the Unix epoch.
    process_start_s: Option<f64>,
}

impl Greeting {
    async fn of(client: &Client) -> Self {
        let models = client.models_and_server().await;
        let (version, metrics) = tokio::join!(client.get_text("/version"), client.get_text("/metrics"));
        Self {
            models: models.map(|(models, server)| (models.into_iter().map(|model| model.id).collect(), server)),
            version: version.ok().map(|text| shorten(client.secrets().redact(text.trim()).as_str(), 200)),
            process_start_s: metrics.ok().and_then(|page| process_start(&page)),
        }
    }

    fn identity(self, endpoint: &Endpoint, scenario: &Scenario) -> ServerIdentity {
        let (models, server) = self.models.unwrap_or_default();
        let told = |text: &String| scenario.secrets.redact(text);
        ServerIdentity {
            base_url: endpoint.base_url.as_deref().map(|url| scenario.secrets.redact(url)),
            api: serde_json::to_value(endpoint.api)
                .ok()
                .and_then(|api| api.as_str().map(str::to_owned))
                .unwrap_or_default(),
            revision: endpoint.revision.as_ref().map(told),
            version: self.version,
            // A server may tell what it was told.
            models: models.iter().map(told).collect(),
            server,
            // A simulator of the run's own is new every time and the same every time.
            process_start_s: self.process_start_s.filter(|_| endpoint.simulator.is_none()),
        }
    }
}

impl Sites {
    /// Starts simulators, makes clients and asks each endpoint for its models: what cannot be reached fails here,
    /// before any load is sent.
    pub(super) async fn open(
        scenario: &Scenario,
        plan: &Plan,
        clock: Clock,
        observer: &dyn Observer,
    ) -> Result<Self, RunError> {
        let mut sites = Self::default();
        let used: BTreeSet<&str> = plan.cells.iter().map(|cell| cell.axes.endpoint()).collect();
        for endpoint in scenario.endpoints.iter().filter(|endpoint| used.contains(endpoint.name.as_str())) {
            let base_url = sites.base_url(endpoint, scenario.seed)?;
            if let (Some(variable), None) = (&endpoint.api_key_env, &endpoint.api_key) {
                return Err(RunError::MissingKey { endpoint: endpoint.name.clone(), variable: variable.clone() });
            }
            if endpoint.is_unverified() {
                observer.tell(RunEvent::Warning(format!(
                    "endpoint `{}`: tls.verify = false, its certificate is not checked",
                    endpoint.name
                )));
            }
            let client = client_of(endpoint, &base_url, clock, scenario)?;
            let identity = greet(endpoint, &base_url, &client, scenario, plan, observer).await?;
            sites.clients.insert(endpoint.name.clone(), client);
            sites.scrapers.extend(scraper_of(endpoint, &base_url, clock, scenario)?);
            sites.base_urls.insert(endpoint.name.clone(), base_url);
            sites.identities.insert(endpoint.name.clone(), identity);
        }
        Ok(sites)
    }

    fn base_url(&mut self, endpoint: &Endpoint, seed: u64) -> Result<String, RunError> {
        let Some(settings) = &endpoint.simulator else {
            return endpoint.base_url.clone().ok_or_else(|| RunError::MissingUrl { endpoint: endpoint.name.clone() });
        };
        let simulator = simulated::start(settings, seed, endpoint.transport.http)
            .map_err(|message| RunError::Simulator { endpoint: endpoint.name.clone(), message })?;
        let base_url = simulator.base_url().to_owned();
        self.simulators.push(simulator);
        Ok(base_url)
    }

    /// The client of an endpoint that the plan uses.
    pub(super) fn client(&self, endpoint: &str) -> Result<&Client, RunError> {
        self.clients.get(endpoint).ok_or_else(|| RunError::Internal(format!("endpoint `{endpoint}` was not opened")))
    }

    /// How the Prometheus page of an endpoint is scraped, where it has one.
    pub(super) fn scraper(&self, endpoint: &str) -> Option<&Scraper> {
        self.scrapers.get(endpoint)
    }

    /// One endpoint alone, with a client of its own: connections belong to the thread that opened them.
    pub(super) fn alone(&self, endpoint: &str, clock: Clock, scenario: &Scenario) -> Result<Self, RunError> {
        let of = scenario.endpoint(endpoint).ok_or_else(|| RunError::Internal(format!("no endpoint `{endpoint}`")))?;
        let base_url = self.base_url_of(endpoint);
        let client = client_of(of, base_url, clock, scenario)?;
        Ok(Self {
            clients: BTreeMap::from([(endpoint.to_owned(), client)]),
            scrapers: scraper_of(of, base_url, clock, scenario)?.into_iter().collect(),
            base_urls: BTreeMap::from([(endpoint.to_owned(), base_url.to_owned())]),
            identities: self
                .identities
                .get(endpoint)
                .map(|known| (endpoint.to_owned(), known.clone()))
                .into_iter()
                .collect(),
            simulators: Vec::new(),
        })
    }

    /// Where an endpoint is, a simulator's address included.
    pub(super) fn base_url_of(&self, endpoint: &str) -> &str {
        self.base_urls.get(endpoint).map_or("", String::as_str)
    }

    /// Asks an endpoint again who it is.
    pub(super) async fn identify(&self, endpoint: &str, scenario: &Scenario) -> Result<ServerIdentity, RunError> {
        let of = scenario.endpoint(endpoint).ok_or_else(|| RunError::Internal(format!("no endpoint `{endpoint}`")))?;
        Ok(Greeting::of(self.client(endpoint)?).await.identity(of, scenario))
    }

    /// What the servers say of themselves.
    pub(super) fn identities(&self) -> &BTreeMap<String, ServerIdentity> {
        &self.identities
    }
}

/// What a model's requests are made for.
pub(super) fn target(scenario: &Scenario, endpoint: &str, label: &str) -> Target {
    Target {
        model_id: scenario.models.get(label).map_or(label, |model| model.id_at(endpoint)).to_owned(),
        options: scenario.request_options(endpoint, label),
    }
}

/// The same for a cell, whose values the body's strings may name.
pub(super) fn target_of(scenario: &Scenario, cell: &Cell) -> Target {
    let mut target = target(scenario, cell.axes.endpoint(), cell.axes.model());
    // What does not render was told before anything was sent.
    if let Ok(body) = render_body(&target.options.body, &cell.axes) {
        target.options.body = body;
    }
    target
}

/// Asks for the model list and the version. No connection and a refused key are errors; anything else is a warning.
async fn greet(
    endpoint: &Endpoint,
    base_url: &str,
    client: &Client,
    scenario: &Scenario,
    plan: &Plan,
    observer: &dyn Observer,
) -> Result<ServerIdentity, RunError> {
    let failed = |failure| RunError::Unreachable { endpoint: endpoint.name.clone(), url: base_url.to_owned(), failure };
    client.warm(1).await.map_err(failed)?;
    let greeting = Greeting::of(client).await;
    match &greeting.models {
        Ok((models, _)) => warn_of_absent_models(endpoint, models, scenario, plan, observer),
        Err(ControlError::Status { status: 401 | 403, message, .. }) => {
            return Err(RunError::Unauthorized {
                endpoint: endpoint.name.clone(),
                url: base_url.to_owned(),
                message: message.clone(),
                variable: endpoint.api_key_env.clone(),
            });
        }
        Err(error) => {
            observer.tell(RunEvent::Warning(format!("endpoint `{}` gives no list of models: {error}", endpoint.name)));
        }
    }
    Ok(greeting.identity(endpoint, scenario))
}

fn client_of(endpoint: &Endpoint, base_url: &str, clock: Clock, scenario: &Scenario) -> Result<Client, RunError> {
    Client::new(endpoint, base_url, clock, scenario.secrets.clone())
        .map(|client| client.retrying(&scenario.load.retries))
        .map_err(|error| RunError::Client { endpoint: endpoint.name.clone(), error })
}

fn scraper_of(
    endpoint: &Endpoint,
    base_url: &str,
    clock: Clock,
    scenario: &Scenario,
) -> Result<Option<(String, Scraper)>, RunError> {
    let scraper = Scraper::new(endpoint, base_url, clock, scenario.secrets.clone());
    let scraper = scraper.map_err(|error| RunError::Client { endpoint: endpoint.name.clone(), error })?;
    Ok(scraper.map(|scraper| (endpoint.name.clone(), scraper)))
}

/// When the process started that a Prometheus page is of, seconds since the Unix epoch.
fn process_start(page: &str) -> Option<f64> {
    let mut found = samples(page).flatten();
    found.find(|sample| sample.series.name == "process_start_time_seconds").map(|sample| sample.value)
}

fn warn_of_absent_models(
    endpoint: &Endpoint,
    listed: &[String],
    scenario: &Scenario,
    plan: &Plan,
    observer: &dyn Observer,
) {
    let mut told = BTreeSet::new();
    for cell in plan.cells.iter().filter(|cell| cell.axes.endpoint() == endpoint.name) {
        let id = target(scenario, &endpoint.name, cell.axes.model()).model_id;
        // A server that lists nothing, or takes any name, says nothing by leaving one out.
        if listed.is_empty() || listed.contains(&id) || endpoint.simulator.is_some() || !told.insert(id.clone()) {
            continue;
        }
        let near = crate::text::nearest(&id, listed.iter().map(String::as_str));
        let hint = near.map(|near| format!("; it lists `{near}`")).unwrap_or_default();
        let warning = format!("endpoint `{}` does not list model `{id}`{hint}", endpoint.name);
        observer.tell(RunEvent::Warning(scenario.secrets.redact(&warning)));
    }
}

/// A failure as a probe reports it.
pub(super) fn one_line(failure: &Failure) -> String {
    match failure.cause {
        Cause::Internal => failure.message.clone(),
        cause => format!("{}: {}", cause.as_str(), failure.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_process_is_found_on_its_metrics_page() {
        let page = "# TYPE process_start_time_seconds gauge\nx_process_start_time_seconds 1\nprocess_start_time_seconds 1.7955126e+09\n";
        assert_eq!(process_start(page), Some(1_795_512_600.0));
        assert_eq!(process_start("process_start_time_seconds_total 3\n<html>"), None);
    }
}
