//! Reads one call page by page: each page is one request through the gate and one batch, and no page is asked for
//! before the stream is polled for it. What a page means is `folder`'s to say.

mod folder;
mod page;

pub(crate) use folder::Folder;
pub(crate) use page::{Page, Part, Status, query_id};

use crate::{AwsProvider, broken, plan};
use async_stream::try_stream;
use folder::Next;
use futures::stream::BoxStream;
use gate::Request;
use provider_api::{Batch, Call, Price, ProviderError};

impl AwsProvider {
    /// The batches of one call.
    pub(crate) fn batches<'a>(&'a self, call: &'a Call) -> BoxStream<'a, Result<Batch, ProviderError>> {
        Box::pin(try_stream! {
            let region = self.region(&call.scope)?;
            let prepared = region.data(call);
            let mut folder = Folder::new(call);
            let price = Price { requests: 1, ..call.price };
            let mut request = Request {
                urgency: call.urgency,
                group: call.group().cloned(),
                question: Some(question(call)),
                ..region.request(plan::OPERATION, price)
            };
            let mut token = None;
            loop {
                let page = region.data_page(&self.gate, &prepared, token.as_deref(), &request).await?;
                let (batch, next) = folder.page(page);
                yield batch;
                match next {
                    Next::Page(more) => token = Some(more),
                    Next::End => break,
                    Next::Broken(why) => Err(broken(region, plan::OPERATION, why))?,
                }
                // The metrics are billed once, however many pages their points fill.
                request.price = Price::FREE;
            }
        })
    }
}

/// The same for the same targets, in whatever order.
fn question(call: &Call) -> u64 {
    call.targets.iter().fold(0, |all, target| all ^ target.id.0)
}
