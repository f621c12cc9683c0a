//! A server's Prometheus page: `page` reads its text, `wanted` picks the columns, `scraper` fetches it.

mod page;
mod scraper;
mod wanted;

pub use page::{Sample, samples};
pub use scraper::{ScrapeSession, Scraper};
