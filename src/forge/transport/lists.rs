//! Lists that come in pages.

use reqwest::Url;
use serde::de::DeserializeOwned;

use super::{NextPage, Transport, next_page};
use crate::forge::classify::{Failure, Operation};

/// Page sizes, the next one where the server breaks down over the one before.
const PAGE_SIZES: [u32; 3] = [100, 50, 25];

impl Transport {
    /// Reads a whole list. `path` carries its query, without paging.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        path: &str,
    ) -> Result<Vec<T>, Failure> {
        self.list_in(operation, path, |page: Vec<T>| page).await
    }

    /// Reads a whole list whose pages hold it in a field, which `open` takes out.
    pub(crate) async fn list_in<P: DeserializeOwned, T>(
        &self,
        operation: &Operation,
        path: &str,
        open: impl Fn(P) -> Vec<T>,
    ) -> Result<Vec<T>, Failure> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut result = Err(self.refused(operation, "no page size was tried"));
        for size in PAGE_SIZES {
            result = self.pages(operation, &format!("{path}{joint}per_page={size}"), &open, |_| false).await;
            let too_much = result
                .as_ref()
                .is_err_and(|failure: &Failure| matches!(failure.status, Some(500 | 502 | 504)));
            if !too_much {
                break;
            }
        }
        result
    }

    /// Reads pages until the list ends or `enough` holds for a page; whole pages are kept.
    pub(crate) async fn list_until<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        path: &str,
        enough: impl Fn(&[T]) -> bool,
    ) -> Result<Vec<T>, Failure> {
        self.pages(operation, path, &|page: Vec<T>| page, enough).await
    }

    /// The same for pages that hold the list in a field.
    pub(crate) async fn pages<P: DeserializeOwned, T>(
        &self,
        operation: &Operation,
        path: &str,
        open: &impl Fn(P) -> Vec<T>,
        enough: impl Fn(&[T]) -> bool,
    ) -> Result<Vec<T>, Failure> {
        let first = self.address(path);
        let mut address =
            Url::parse(&first).map_err(|_error| self.refused(operation, "the address is broken"))?;
        let mut all = Vec::new();
        for _ in 0..self.limits().pages {
            let (page, headers): (P, _) = self.get_with_headers(operation, address.as_str()).await?;
            let page = open(page);
            let stop = enough(&page);
            all.extend(page);
            if stop {
                return Ok(all);
            }
            match next_page(&address, &headers) {
                NextPage::None => return Ok(all),
                // The same page again would never end.
                NextPage::At(next) if *next == address => return Ok(all),
                NextPage::At(next) => address = *next,
                NextPage::Foreign => {
                    let why = format!(
                        "the link to the next page leads to another address; correct the configured one, or the one that {} itself is set to",
                        self.name()
                    );
                    return Err(self.refused(operation, &why));
                }
            }
        }
        let pages = self.limits().pages;
        Err(self.refused(operation, &format!("the list has more than {pages} pages")))
    }
}
