use std::collections::{BTreeMap, HashMap};

use super::digest::Digester;
use super::id::cell_id;
use super::search::levels;
use super::{Cell, CellId, ContentHashes, Plan, SearchPlan};
use crate::scenario::{
    Axes, AxisName, AxisValue, Block, Endpoint, Exclude, Include, Loop, Mode, Scenario, Search, SearchAxis,
};
use crate::units::{ArrivalDistribution, ImageSize, Qps, RequestCount, SizeSpec};

/// All cells of a scenario, in the order of the file: the matrix, its blocks, its includes.
///
/// `contents` are the hashes of every file that the scenario's digests cover.
#[must_use]
pub fn expand(scenario: &Scenario, contents: &ContentHashes) -> Plan {
    let matrix = &scenario.matrix;
    let mut hits = vec![0_usize; matrix.exclude.len()];
    let mut kept = Kept::default();
    let mut searched = Kept::default();
    for block in matrix.product.iter().chain(&matrix.blocks) {
        for axes in product(block) {
            let is_open = scenario.search.filter(|search| axes.get(&search.axis.name()).is_none());
            let mut axes = complete(axes, scenario);
            // A mode that does not take the load has nothing to search for.
            let open = is_open.and_then(|search| axes.remove(&search.axis.name()));
            let mut excluded = false;
            for (hit, exclude) in hits.iter_mut().zip(&matrix.exclude) {
                if matches(exclude, &axes) {
                    *hit += 1;
                    excluded = true;
                }
            }
            if !excluded {
                if open.is_some() { &mut searched } else { &mut kept }.keep(axes, None, scenario);
            }
        }
    }
    for Include { axes, requests } in &matrix.include {
        kept.keep(complete(axes.clone(), scenario), *requests, scenario);
    }
    let mut digester = Digester::new(scenario, contents);
    let cells = kept.cells.into_iter().map(|wanted| cell(wanted, scenario, &mut digester)).collect();
    let searches = scenario.search.map_or_else(Vec::new, |search| {
        let wanted = searched.cells.into_iter();
        wanted.map(|wanted| search_plan(search, wanted, scenario, &mut digester)).collect()
    });
    let warnings = matrix
        .exclude
        .iter()
        .zip(hits)
        .filter(|(_, hits)| *hits == 0)
        .map(|(exclude, _)| format!("{} matches no cell", exclude.place))
        .collect();
    Plan { cells, searches, warnings }
}

/// The cells so far. Equal ones arise where an axis does not apply to a mode; they are one.
#[derive(Default)]
struct Kept {
    cells: Vec<Wanted>,
    places: HashMap<CellId, Vec<usize>>,
}

struct Wanted {
    id: CellId,
    axes: Axes,
    requests: Option<RequestCount>,
}

impl Kept {
    fn keep(&mut self, axes: Axes, requests: Option<RequestCount>, scenario: &Scenario) {
        let id = cell_id(&axes, scenario);
        let places = self.places.entry(id.clone()).or_default();
        if let Some(place) = places.iter().find(|place| self.cells[**place].axes == axes) {
            let known = &mut self.cells[*place];
            known.requests = requests.or(known.requests);
        } else {
            places.push(self.cells.len());
            self.cells.push(Wanted { id, axes, requests });
        }
    }
}

fn cell(Wanted { id, axes, requests }: Wanted, scenario: &Scenario, digester: &mut Digester<'_>) -> Cell {
    let own = requests.map(|count| count.at(axes.concurrency().map(u64::from)));
    let requests = own.or_else(|| scenario.load.requests_at(&axes));
    let (digest, parts) = digester.digest(&axes, requests);
    let unverified = scenario.endpoint(axes.endpoint()).is_some_and(Endpoint::is_unverified);
    Cell { id, digest, parts, requests, row_tokens: None, unverified, axes }
}

/// The search of these axes, with the cell of every load that it may try.
fn search_plan(
    search: Search,
    Wanted { id, axes, .. }: Wanted,
    scenario: &Scenario,
    digester: &mut Digester<'_>,
) -> SearchPlan {
    let levels = levels(&search);
    let ladder = levels.iter().map(|level| {
        let mut axes = axes.clone();
        axes.set(search.axis.name(), load_of(search.axis, *level));
        cell(Wanted { id: cell_id(&axes, scenario), axes, requests: None }, scenario, digester)
    });
    SearchPlan { id: id.to_string(), ladder: ladder.collect(), levels, search, axes }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number from 1 up; saturates")]
fn load_of(axis: SearchAxis, level: f64) -> AxisValue {
    match axis {
        SearchAxis::Concurrency => AxisValue::Concurrency(level as u32),
        SearchAxis::Qps => AxisValue::Qps(Qps::Rate(level)),
    }
}

/// The axes that a mode takes, besides `model`, `endpoint`, `mode` and `vars`.
///
/// A conversation that replays a dataset has its sizes from there.
fn takes(mode: Mode, looped: Loop, rows: bool) -> &'static [AxisName] {
    use AxisName::{Concurrency, ImageSize, InputTokens, Loop as LoopAxis, OutputTokens, Qps, QpsDistribution};
    match (mode, looped) {
        (Mode::Chat, _) if rows => &[OutputTokens, Concurrency],
        (Mode::Synthetic, _) => &[InputTokens, OutputTokens, ImageSize, Concurrency],
        (Mode::RealWorkload, _) => &[InputTokens, OutputTokens, ImageSize, Qps, QpsDistribution],
        (Mode::Custom, Loop::Closed) => &[OutputTokens, ImageSize, LoopAxis, Concurrency],
        (Mode::Custom, Loop::Open) => &[OutputTokens, ImageSize, LoopAxis, Qps, QpsDistribution],
        (Mode::Chat, _) => &[InputTokens, OutputTokens, Concurrency],
    }
}

/// What an axis is where the scenario does not say.
fn default_value(axis: &AxisName, mode: Mode) -> Option<AxisValue> {
    let output = if matches!(mode, Mode::Custom | Mode::Chat) { 256 } else { 1000 };
    Some(match axis {
        AxisName::InputTokens => AxisValue::Tokens(SizeSpec::Fixed(1000)),
        AxisName::OutputTokens => AxisValue::Tokens(SizeSpec::Fixed(output)),
        AxisName::ImageSize => AxisValue::Image(ImageSize::Na),
        AxisName::Loop => AxisValue::Loop(Loop::Closed),
        AxisName::Concurrency => AxisValue::Concurrency(1),
        AxisName::Qps => AxisValue::Qps(Qps::Rate(1.0)),
        AxisName::QpsDistribution => AxisValue::Arrivals(ArrivalDistribution::Constant),
        AxisName::Model | AxisName::Endpoint | AxisName::Mode | AxisName::Var(_) => return None,
    })
}

/// Drops the axes that the mode does not take and fills in what is left out.
fn complete(mut axes: Axes, scenario: &Scenario) -> Axes {
    let mode = axes.mode();
    axes.set(AxisName::Mode, AxisValue::Mode(mode));
    let looped = match axes.get(&AxisName::Loop) {
        Some(AxisValue::Loop(looped)) => *looped,
        _ => Loop::Closed,
    };
    let taken = takes(mode, looped, scenario.takes_rows(mode));
    for axis in AxisName::KNOWN {
        let general = matches!(axis, AxisName::Model | AxisName::Endpoint | AxisName::Mode);
        if !general && !taken.contains(&axis) {
            axes.remove(&axis);
        } else if axes.get(&axis).is_none()
            && let Some(value) = default_value(&axis, mode)
        {
            axes.set(axis, value);
        }
    }
    if axes.get(&AxisName::Endpoint).is_none()
        && let Some(name) = home_endpoint(axes.model(), scenario)
    {
        axes.set(AxisName::Endpoint, AxisValue::Text(name.to_owned()));
    }
    axes
}

/// Where a model goes unless an axis says otherwise: its own endpoint, else the first of the file.
pub(super) fn home_endpoint<'s>(model: &str, scenario: &'s Scenario) -> Option<&'s str> {
    let own = scenario.models.get(model).and_then(|model| model.endpoint.as_deref());
    own.or_else(|| scenario.endpoints.first().map(|endpoint| endpoint.name.as_str()))
}

/// The product of a block's axes: the first axis varies slowest. Zipped axes count as one.
///
/// Axes come in the language's order, `vars` last, so that the order of cells does not hang on the file's.
fn product(block: &Block) -> Vec<Axes> {
    let mut factors: Vec<Vec<Axes>> = Vec::new();
    let mut zipped: Vec<&AxisName> = Vec::new();
    for (axis, values) in &block.axes {
        if zipped.contains(&axis) {
            continue;
        }
        let together: Vec<&AxisName> = match block.zip.iter().find(|names| names.contains(axis)) {
            Some(names) => names.iter().collect(),
            None => vec![axis],
        };
        zipped.extend(&together);
        let steps = (0..values.len()).map(|step| {
            let pick = |name: &AxisName| block.axes.get(name).and_then(|values| values.get(step)).cloned();
            together.iter().filter_map(|name| Some(((*name).clone(), pick(name)?))).collect()
        });
        factors.push(steps.collect());
    }
    if factors.is_empty() {
        return Vec::new();
    }
    factors.into_iter().fold(vec![Axes::default()], |cells, factor| {
        cells
            .iter()
            .flat_map(|cell| {
                factor.iter().map(|more| cell.iter().chain(more).map(|(a, v)| (a.clone(), v.clone())).collect())
            })
            .collect()
    })
}

/// Whether every key of `exclude` has the cell's value among its own.
fn matches(exclude: &Exclude, axes: &Axes) -> bool {
    any_of(&exclude.axes, axes)
}

/// Whether, for every key of `wanted`, the cell's value is one of those listed.
pub(super) fn any_of(wanted: &BTreeMap<AxisName, Vec<AxisValue>>, axes: &Axes) -> bool {
    wanted.iter().all(|(axis, values)| axes.get(axis).is_some_and(|value| values.contains(value)))
}
