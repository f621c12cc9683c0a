//! The routes: what is asked for, and the answer to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::chunk::Chunks;
use super::cost::Costs;
use super::engine::Engine;
use super::metrics::{self, Metrics};
use super::mishap::Mishap;
use super::options::{SimulatedModel, SimulatorOptions};
use super::pacer::{self, Mailbox};
use super::prose::Prose;
use super::refusal::Refusal;
use super::request::{Generation, Interface};
use super::sequence::{Sequence, Wakes};
use super::stamps::{Bounds, RequestStamps, StampPage, StampRing};
use super::stream::{CutOff, EventStream, StreamPlan};
use super::studio::{self, studio_route};
use super::ticket::Ticket;
use super::usage::Usage;
use crate::seed::Seed;
use crate::time::{Clock, MonotonicNs, unix_ns};

/// The body of an answer: whole or streamed.
pub(super) type AnswerBody = Either<Full<Bytes>, EventStream>;

/// The longest body that is read, in bytes: room for some pictures.
const BODY_LIMIT: usize = 256 << 20;

/// Events whose stamps are remembered for `/simulator/stamps`, for each request that is.
const STAMPS_A_REQUEST: usize = 40;

/// The name of the one model when any name is accepted.
const ANY_MODEL: &str = "simulator";

/// Everything that the connections share.
#[derive(Debug)]
pub(super) struct Service {
    options: SimulatorOptions,
    clock: Clock,
    seed: Seed,
    models: Vec<ServedModel>,
    requests: AtomicU64,
    ring: Arc<StampRing>,
    started_ms: i64,
}

#[derive(Debug)]
struct ServedModel {
    id: String,
    mailbox: Arc<Mailbox>,
    metrics: Arc<Metrics>,
}

impl ServedModel {
    fn start(model: &SimulatedModel, options: &SimulatorOptions, seed: Seed, clock: Clock) -> Self {
        let metrics = Arc::new(Metrics::default());
        let costs = Costs::new(options, model.speed, seed.child("costs").child(&model.id));
        let engine = Engine::new(costs, options.slots, Arc::clone(&metrics));
        Self { id: model.id.clone(), mailbox: pacer::spawn(engine, clock), metrics }
    }
}

impl Drop for ServedModel {
    fn drop(&mut self) {
        self.mailbox.close();
    }
}

impl Service {
    /// Starts an engine for each model.
    pub(super) fn start(options: SimulatorOptions) -> Self {
        let clock = Clock::start();
        let seed = Seed::root(options.seed).child("simulator");
        let any = [SimulatedModel { id: ANY_MODEL.to_owned(), speed: 1.0 }];
        let models = if options.models.is_empty() { &any[..] } else { &options.models };
        let models = models.iter().map(|model| ServedModel::start(model, &options, seed, clock)).collect();
        let kept = options.kept_stamps;
        let bounds = Bounds { requests: kept, stamps: kept.saturating_mul(STAMPS_A_REQUEST) };
        Self {
            options,
            clock,
            seed,
            models,
            requests: AtomicU64::new(0),
            ring: Arc::new(StampRing::new(bounds)),
            started_ms: unix_ns() / 1_000_000,
        }
    }

    /// Whether connections stay open between requests.
    pub(super) fn keeps_alive(&self) -> bool {
        self.options.keep_alive
    }

    /// Whether connections are HTTP/2 ones.
    pub(super) fn speaks_http2(&self) -> bool {
        self.options.http2
    }

    /// The stamps of the last requests.
    pub(super) fn stamps(&self) -> Vec<RequestStamps> {
        self.ring.all()
    }

    /// Answers one request; an `Err` cuts the connection.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Result<Response<AnswerBody>, CutOff> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        // Every path is known with and without the version, so that any base URL works.
        let route = path.strip_prefix("/v1").filter(|route| route.starts_with('/')).unwrap_or(path);
        let studio = studio_route(path);
        if studio.is_some() && !head.headers.contains_key("key") {
            return Ok(refuse(&Refusal::NoKey));
        }
        let (method, interface) = match route {
            _ if let Some((version, _)) = studio => (Method::POST, Some(Interface::Studio(version))),
            "/chat/completions" => (Method::POST, Some(Interface::Chat)),
            "/completions" => (Method::POST, Some(Interface::Text)),
            // SambaStudio's addresses of chat completions.
            _ if path.starts_with("/openai/") && path.ends_with("/chat/completions") => {
                (Method::POST, Some(Interface::Chat))
            }
            "/reset_prefix_cache" => (Method::POST, None),
            "/models" | "/health" | "/version" | "/metrics" | "/simulator/stamps" => (Method::GET, None),
            _ => return Ok(refuse(&Refusal::UnknownRoute(path.to_owned()))),
        };
        if head.method != method {
            return Ok(refuse(&Refusal::Method { method: head.method.to_string(), path: path.to_owned() }));
        }
        let body = match Limited::new(body, BODY_LIMIT).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return Ok(refuse(&Refusal::Unreadable(error.to_string()))),
        };
        match interface {
            Some(interface) => {
                let received_ns = self.clock.now_ns();
                let text = self.seed.child("text");
                let generation = match studio {
                    Some((version, stream)) => studio::parse(version, stream, &body, text),
                    None => Generation::parse(interface, &body, text),
                };
                self.generate(generation, received_ns).await
            }
            None => Ok(self.page(route, head.uri.query())),
        }
    }

    /// The pages beside the generating interfaces.
    fn page(&self, route: &str, query: Option<&str>) -> Response<AnswerBody> {
        match route {
            "/models" => json_answer(StatusCode::OK, &self.model_list()),
            "/version" => {
                json_answer(StatusCode::OK, &json!({ "version": concat!("simulator ", env!("CARGO_PKG_VERSION")) }))
            }
            "/simulator/stamps" => {
                let page = StampPage { clock: "CLOCK_MONOTONIC".to_owned(), requests: self.stamps() };
                // Numbers and texts always have a JSON form.
                let text = serde_json::to_vec(&page).unwrap_or_default();
                whole(StatusCode::OK, "application/json", text)
            }
            "/metrics" => {
                let models: Vec<_> = self.models.iter().map(|model| (model.id.as_str(), &*model.metrics)).collect();
                let capacity =
                    self.options.context_length.saturating_mul(u64::try_from(self.options.slots).unwrap_or(u64::MAX));
                // As another server calls them: `?names=llamacpp`.
                let server = query.and_then(|query| query.strip_prefix("names="));
                let page = match server {
                    Some(server) => metrics::page_as(server, &models, capacity),
                    None => Some(metrics::page(&models, capacity, self.started_ms)),
                };
                let Some(page) = page else {
                    let path = format!("/metrics?{}", query.unwrap_or_default());
                    return refuse(&Refusal::UnknownRoute(path));
                };
                whole(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", page.into_bytes())
            }
            _ => whole(StatusCode::OK, "text/plain; charset=utf-8", Vec::new()),
        }
    }

    fn model_list(&self) -> Value {
        let model = |model: &ServedModel| {
            json!({
                "id": model.id,
                "object": "model",
                "created": self.started_ms / 1000,
                "owned_by": "infersweep",
                "max_model_len": self.options.context_length,
            })
        };
        json!({ "object": "list", "data": self.models.iter().map(model).collect::<Vec<_>>() })
    }

    async fn generate(
        &self,
        generation: Result<Generation, Refusal>,
        received_ns: MonotonicNs,
    ) -> Result<Response<AnswerBody>, CutOff> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let mishap = Mishap::draw(&self.options.failures, self.seed.child("mishaps"), number);
        if mishap == Some(Mishap::Refused) {
            return Ok(refuse(&Refusal::Overloaded));
        }
        let admitted =
            generation.and_then(|generation| Ok((self.served(&generation)?, self.lengths(&generation)?, generation)));
        let (model, (prompt_tokens, max_tokens), generation) = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => return Ok(refuse(&refusal)),
        };
        let wakes = if generation.stream { Wakes::EachToken } else { Wakes::AtEnd };
        let sequence = Sequence::new(number, prompt_tokens, max_tokens, received_ns, wakes)
            .with_image_tokens(generation.image_tokens)
            .with_model((!self.options.switch.is_zero()).then(|| generation.model.as_str().into()));
        let id = match generation.interface {
            Interface::Chat => format!("chatcmpl-sim-{number}"),
            Interface::Text | Interface::Studio(_) => format!("cmpl-sim-{number}"),
        };
        let ticket = Ticket::submit(id, sequence, &model.mailbox, &self.ring, self.clock);
        if generation.stream {
            Ok(self.stream(ticket, &generation, mishap))
        } else {
            self.whole_answer(ticket, &generation, mishap).await
        }
    }

    fn served(&self, generation: &Generation) -> Result<&ServedModel, Refusal> {
        let any = self.options.models.is_empty();
        let found = self.models.iter().find(|model| any || model.id == generation.model);
        found.ok_or_else(|| Refusal::UnknownModel(generation.model.clone()))
    }

    /// The tokens of the prompt and of the completion, if the context has room for both.
    fn lengths(&self, generation: &Generation) -> Result<(u64, u64), Refusal> {
        let limit = self.options.context_length;
        let template = match generation.interface {
            Interface::Chat => self.options.template_tokens,
            Interface::Text | Interface::Studio(_) => 0,
        };
        let prompt = generation.text_tokens.saturating_add(generation.image_tokens).saturating_add(template);
        let room = limit.saturating_sub(prompt);
        let completion = generation.max_tokens.unwrap_or_else(|| self.options.default_max_tokens.min(room).max(1));
        if completion > room {
            return Err(Refusal::ContextLength { limit, prompt, completion });
        }
        Ok((prompt, completion))
    }

    /// How many of the first tokens are reasoning.
    fn reasoning_tokens(&self, interface: Interface) -> u64 {
        if interface == Interface::Chat { self.options.reasoning_tokens } else { 0 }
    }

    fn stream(&self, ticket: Ticket, generation: &Generation, mishap: Option<Mishap>) -> Response<AnswerBody> {
        let created = unix_ns() / 1_000_000_000;
        let chunks = Chunks::new(generation.interface, ticket.id(), created, &generation.model);
        let is_studio = matches!(generation.interface, Interface::Studio(_));
        let plan = StreamPlan {
            role: generation.interface == Interface::Chat,
            usage: generation.include_usage,
            ends_with_usage: is_studio,
            continuous_usage: generation.continuous_usage,
            tokens_per_chunk: self.options.tokens_per_chunk,
            reasoning_tokens: self.reasoning_tokens(generation.interface),
            mishap,
        };
        let events = EventStream::new(ticket, chunks, Prose::new(generation.text_seed), plan);
        let mut response = Response::new(Either::Right(events));
        let kind = if is_studio { "application/x-ndjson" } else { "text/event-stream; charset=utf-8" };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }

    async fn whole_answer(
        &self,
        mut ticket: Ticket,
        generation: &Generation,
        mishap: Option<Mishap>,
    ) -> Result<Response<AnswerBody>, CutOff> {
        let max_tokens = ticket.sequence().max_tokens;
        if mishap.is_some() {
            ticket.reach(max_tokens / 2).await;
        }
        match mishap {
            Some(Mishap::Stalled) => std::future::pending().await,
            Some(Mishap::Cut) => return Err(CutOff),
            Some(Mishap::Broken | Mishap::Refused) => return Ok(refuse(&Refusal::Broken)),
            None => ticket.reach(max_tokens).await,
        }
        let reasoning_tokens = self.reasoning_tokens(generation.interface).min(max_tokens);
        let mut prose = Prose::new(generation.text_seed);
        let reasoning = sentence(&mut prose, reasoning_tokens);
        let text = sentence(&mut prose, max_tokens - reasoning_tokens);
        let usage = Usage::finished(ticket.sequence(), reasoning_tokens, self.clock);
        let id = ticket.id().to_owned();
        ticket.stamp_tokens();
        ticket.complete();
        let (object, choice) = match generation.interface {
            Interface::Studio(version) => {
                return Ok(json_answer(StatusCode::OK, &studio::whole(version, &text, &usage)));
            }
            Interface::Chat => {
                let mut message = json!({ "role": "assistant", "content": text });
                if reasoning_tokens > 0 {
                    message["reasoning_content"] = Value::from(reasoning);
                }
                let choice = json!({ "index": 0, "message": message, "logprobs": null, "finish_reason": "length" });
                ("chat.completion", choice)
            }
            Interface::Text => {
                ("text_completion", json!({ "index": 0, "text": text, "logprobs": null, "finish_reason": "length" }))
            }
        };
        let answer = json!({
            "id": id,
            "object": object,
            "created": unix_ns() / 1_000_000_000,
            "model": generation.model,
            "choices": [choice],
            "usage": usage,
        });
        Ok(json_answer(StatusCode::OK, &answer))
    }
}

fn sentence(prose: &mut Prose, words: u64) -> String {
    let words: Vec<&str> = (0..words).map(|_| prose.next_word()).collect();
    words.join(" ")
}

fn refuse(refusal: &Refusal) -> Response<AnswerBody> {
    json_answer(refusal.status(), &refusal.body())
}

fn json_answer(status: StatusCode, value: &Value) -> Response<AnswerBody> {
    whole(status, "application/json", value.to_string().into_bytes())
}

fn whole(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response<AnswerBody> {
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(body))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
