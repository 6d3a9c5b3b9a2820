//! Reads one call page by page: each page is one request through the gate and one batch, and no page is asked for
//! before the stream is polled for it. What a page means is `folder`'s to say, what a refusal of a whole request means
//! `pieces`'s.

mod folder;
mod page;
mod pieces;

pub(crate) use folder::Folder;
pub(crate) use page::{Page, Part, Status, query_id};

use crate::{AwsProvider, broken, plan};
use async_stream::try_stream;
use folder::Next;
use futures::stream::BoxStream;
use gate::Request;
use pieces::{Pieces, Verdict};
use provider_api::{Batch, Call, Price, ProviderError};

impl AwsProvider {
    /// The batches of one call.
    pub(crate) fn batches<'a>(&'a self, call: &'a Call) -> BoxStream<'a, Result<Batch, ProviderError>> {
        Box::pin(try_stream! {
            let region = self.region(&call.scope)?;
            let mut pieces = Pieces::of(&call.targets);
            while let Some(targets) = pieces.next() {
                let piece = plan::part(call, targets);
                let prepared = region.data(&piece);
                let mut folder = Folder::new(&piece);
                let price = Price { requests: 1, ..piece.price };
                let mut request = Request {
                    urgency: piece.urgency,
                    group: piece.group().cloned(),
                    ..region.request(plan::OPERATION, price)
                };
                let mut token: Option<String> = None;
                loop {
                    let page = match region.data_page(&self.gate, &prepared, token.as_deref(), &request).await {
                        Ok(page) => page,
                        Err(error) if token.is_some() => Err(error)?,
                        Err(error) => match pieces.failed(piece.targets.clone(), error) {
                            Verdict::Failed(error) => Err(error)?,
                            Verdict::Halved => break,
                            Verdict::Blamed(failure) => {
                                yield Batch { failed: vec![failure], ..Batch::default() };
                                break;
                            }
                        },
                    };
                    pieces.answered();
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
            }
        })
    }
}
