"""A delivery as large and as nested as GitHub's for a pull request: about 24 kB."""

import hashlib
import hmac
import json

API = "https://api.github.com"
USER = ["avatar_url", "gravatar_id", "url", "html_url", "followers_url", "following_url{/other_user}",
        "gists_url{/gist_id}", "starred_url{/owner}{/repo}", "subscriptions_url", "organizations_url",
        "repos_url", "events_url{/privacy}", "received_events_url"]
REPOSITORY = ["forks", "keys{/key_id}", "collaborators{/collaborator}", "teams", "hooks",
              "issues/events{/number}", "events", "assignees{/user}", "branches{/branch}", "tags",
              "git/blobs{/sha}", "git/tags{/sha}", "git/refs{/sha}", "git/trees{/sha}", "statuses/{sha}",
              "languages", "stargazers", "contributors", "subscribers", "subscription", "commits{/sha}",
              "git/commits{/sha}", "comments{/number}", "issues/comments{/number}", "contents/{+path}",
              "compare/{base}...{head}", "merges", "{archive_format}{/ref}", "downloads",
              "issues{/number}", "pulls{/number}", "milestones{/number}",
              "notifications{?since,all,participating}", "labels{/name}", "releases{/id}", "deployments"]
FLAGS = ["has_issues", "has_projects", "has_downloads", "has_wiki", "has_pages", "has_discussions",
         "archived", "disabled", "allow_forking", "is_template", "web_commit_signoff_required", "private",
         "fork", "allow_squash_merge", "allow_merge_commit", "allow_rebase_merge", "allow_auto_merge",
         "delete_branch_on_merge", "allow_update_branch", "use_squash_pr_title_as_default"]


def user(login, number):
    links = {name.split("{")[0]: f"{API}/users/{login}/{name}" for name in USER}
    return {"login": login, "id": number, "node_id": f"U_{number:016x}", **links, "type": "User",
            "user_view_type": "public", "site_admin": False}


def repository(owner):
    path = f"{owner['login']}/models"
    links = {f"{name.split('{')[0].strip('/').replace('/', '_') or 'archive'}_url":
             f"{API}/repos/{path}/{name}" for name in REPOSITORY}
    return {"id": 5150, "node_id": "R_000000000000141e", "name": "models", "full_name": path,
            "owner": owner, "html_url": f"https://github.com/{path}", "url": f"{API}/repos/{path}", **links,
            "description": "Models, the data that they were measured on, and how they are trained",
            "created_at": "2025-03-01T08:00:00Z", "updated_at": "2026-11-23T09:30:00Z",
            "pushed_at": "2026-11-23T09:41:00Z", "git_url": f"git://github.com/{path}.git",
            "ssh_url": f"git@github.com:{path}.git", "clone_url": f"https://github.com/{path}.git",
            "size": 42_317, "stargazers_count": 17, "watchers_count": 17, "language": "Python",
            "forks_count": 3, "mirror_url": None, "open_issues_count": 12, "license": None,
            "topics": ["machine-learning", "models"], "visibility": "private", "default_branch": "main",
            **{flag: index % 2 == 0 for index, flag in enumerate(FLAGS)}}


def pull_request():
    """The body, as GitHub writes JSON: without spaces."""
    organisation, author = user("bench", 77), user("ben", 78)
    place = repository(organisation)
    url = f"{API}/repos/bench/models/pulls/7"

    def branch(name, digit):
        return {"label": f"bench:{name}", "ref": name, "sha": digit * 40, "user": organisation, "repo": place}

    request = {"url": url, "id": 991, "node_id": "PR_00000000000003df", "number": 7, "state": "open",
               "html_url": "https://github.com/bench/models/pull/7", "locked": False,
               "title": "Train longer, with a larger step", "user": author,
               "body": "The loss was still falling when the last run ended.\r\n\r\n" + "- one more epoch\r\n" * 40,
               "created_at": "2026-11-23T09:00:00Z", "updated_at": "2026-11-23T09:41:02Z", "closed_at": None,
               "merged_at": None, "merge_commit_sha": "c" * 40, "assignee": None, "assignees": [],
               "requested_reviewers": [user("alice", 79)], "requested_teams": [],
               "labels": [{"id": 1, "url": f"{API}/repos/bench/models/labels/model::building",
                           "name": "model::building", "color": "ededed", "default": False}],
               "milestone": None, "draft": False, "head": branch("train-longer", "a"),
               "base": branch("main", "b"),
               "_links": {name: {"href": f"{url}/{name}"} for name in
                          ["self", "html", "issue", "comments", "review_comments", "commits", "statuses"]},
               "author_association": "MEMBER", "auto_merge": None, "merged": False, "mergeable": None,
               "mergeable_state": "unknown", "merged_by": None, "comments": 2, "review_comments": 0,
               "maintainer_can_modify": False, "commits": 3, "additions": 41, "deletions": 12,
               "changed_files": 4}
    whole = {"action": "synchronize", "number": 7, "before": "9" * 40, "after": "a" * 40,
             "pull_request": request, "repository": place, "organization": organisation, "sender": author}
    return json.dumps(whole, separators=(",", ":")).encode()


def signature(body, secret):
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


if __name__ == "__main__":
    print(len(pull_request()), "bytes")
