use crate::record::TokenCounts;
use crate::scenario::Price;

/// What a cell's completed requests cost, by the server's own counts.
#[derive(Debug)]
pub(super) struct Cost {
    price: Price,
    /// `None` once a request's tokens are not known: a sum without it would be too low.
    usd: Option<f64>,
    requests: u64,
}

impl Cost {
    pub(super) fn new(price: Price) -> Self {
        Self { price, usd: Some(0.0), requests: 0 }
    }

    /// Takes a completed request.
    pub(super) fn add(&mut self, tokens: &TokenCounts) {
        self.requests += 1;
        self.usd = self.usd.zip(self.usd_of(tokens)).map(|(sum, usd)| sum + usd);
    }

    #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
    fn usd_of(&self, tokens: &TokenCounts) -> Option<f64> {
        let (input, output) = (tokens.input_server?, tokens.output_server?);
        let cached = tokens.cached.unwrap_or(0).min(input);
        let Price { input: fresh_price, cached_input, output: output_price } = self.price;
        let per_million =
            (input - cached) as f64 * fresh_price + cached as f64 * cached_input + output as f64 * output_price;
        Some(per_million / 1e6)
    }

    /// Dollars; `None` without a request.
    pub(super) fn usd(self) -> Option<f64> {
        self.usd.filter(|_| self.requests > 0)
    }
}
