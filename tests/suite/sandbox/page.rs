//! The pages for people.

use serde_json::Value;

use super::scene::Scene;

#[tokio::test]
async fn a_page_shows_the_merge_request_with_everything_escaped() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    scene.project.retitle("ada", number, "<script>alert(1)</script>").unwrap();
    scene.project.comment("ada", number, "**bold** & <img src=x>").unwrap();
    let run = scene.project.head_pipeline(number).unwrap().id;
    scene.project.job_fails(run, "iris:build", "Traceback: </pre><b>", &[]).unwrap();
    let url = scene.project.merge_request_url(number).unwrap();
    assert_eq!(scene.get(&format!("/merge_requests/{number}")).await.json()["web_url"], url.as_str());
    let page = scene.send("GET", &url, &[], Value::Null).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let html = page.text();
    assert!(html.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt;"), "{html}");
    assert!(html.contains("**bold** &amp; &lt;img src=x&gt;"));
    assert!(html.contains("Traceback: &lt;&#x2f;pre&gt;&lt;b&gt;"));
    assert!(!html.contains("<script") && !html.contains("<img"));
    assert!(html.contains("iris:build") && html.contains("failed"));
    assert!(page.header("content-security-policy").contains("default-src 'none'"));

    let list = scene.send("GET", scene.forge.url(), &[], Value::Null).await.text();
    assert!(list.replace("&#x2f;", "/").contains("href=\"/acme/ml/iris/-/merge_requests/1\""), "{list}");
    let nothing = format!("{}/acme/ml/iris/-/merge_requests/99", scene.forge.url());
    assert_eq!(scene.send("GET", &nothing, &[], Value::Null).await.status, 404);
    let job = scene.get(&format!("/pipelines/{run}/jobs")).await.json();
    let build = job.as_array().unwrap().iter().find(|job| job["name"] == "iris:build").unwrap().clone();
    let log = scene.send("GET", build["web_url"].as_str().unwrap(), &[], Value::Null).await;
    assert_eq!(
        (log.text().as_str(), log.header("content-type")),
        ("Traceback: </pre><b>", "text/plain; charset=utf-8")
    );
}

#[tokio::test]
async fn the_form_comments_as_author_or_maintainer_and_nobody_else() {
    let scene = Scene::open().await;
    let number = scene.merge_request();
    let url = format!("{}/comments", scene.project.merge_request_url(number).unwrap());
    let client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let send = |body: &'static str, origin: String| {
        let request = client.post(&url).header("content-type", "application/x-www-form-urlencoded");
        request.header("origin", origin).body(body).send()
    };
    let own = scene.forge.url().to_owned();
    let done = send("as=mia&body=%2Fmodel+help%0D%0Aplease", own.clone()).await.unwrap();
    assert_eq!(done.status().as_u16(), 303);
    assert_eq!(done.headers()["location"], "/acme/ml/iris/-/merge_requests/1");
    assert_eq!(send("as=ada&body=hello", own.clone()).await.unwrap().status().as_u16(), 303);
    for who in ["as=gus&body=x", "as=mergewright-bot&body=x", "as=&body=x"] {
        assert_eq!(send(who, own.clone()).await.unwrap().status().as_u16(), 403, "{who}");
    }
    let foreign = send("as=mia&body=x", "http://evil.example".to_owned()).await.unwrap();
    assert_eq!(foreign.status().as_u16(), 403);
    let bodies: Vec<String> =
        scene.project.comments(number).unwrap().into_iter().map(|one| one.body).collect();
    assert_eq!(bodies, ["/model help\r\nplease", "hello"]);
}
