//! Lists that come in pages.

use reqwest::Url;
use serde::de::DeserializeOwned;

use super::GitLab;
use crate::forge::classify::{Failure, Operation};
use crate::forge::transport::{NextPage, next_page};

/// Page sizes, the next one where the server breaks down over the one before.
const PAGE_SIZES: [u32; 3] = [100, 50, 25];

impl GitLab {
    /// Reads a whole list. `path` carries its query, without paging.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        path: &str,
    ) -> Result<Vec<T>, Failure> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut result = Err(self.http.refused(operation, "no page size was tried"));
        for size in PAGE_SIZES {
            result = self.list_until(operation, &format!("{path}{joint}per_page={size}"), |_| false).await;
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
    pub(super) async fn list_until<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        path: &str,
        enough: impl Fn(&[T]) -> bool,
    ) -> Result<Vec<T>, Failure> {
        let first = self.http.address(path);
        let mut address =
            Url::parse(&first).map_err(|_error| self.http.refused(operation, "the address is broken"))?;
        let mut all = Vec::new();
        for _ in 0..self.http.limits().pages {
            let (page, headers): (Vec<T>, _) =
                self.http.get_with_headers(operation, address.as_str()).await?;
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
                    return Err(self.http.refused(
                        operation,
                        "the link to the next page leads to another address; correct the configured one, or GitLab's `external_url`",
                    ));
                }
            }
        }
        let pages = self.http.limits().pages;
        Err(self.http.refused(operation, &format!("the list has more than {pages} pages")))
    }
}
