//! Bodies that are too large, damaged or missing.

use super::*;

#[tokio::test]
async fn each_problem_of_a_success_body_has_its_own_error() {
    #[derive(Debug, Deserialize)]
    struct Expiring {
        #[serde(rename = "access_token")]
        _expiry: Timestamp,
    }
    for (body, problem, words) in [
        (&b""[..], BodyProblem::Empty, "is empty"),
        (b"\n", BodyProblem::Empty, "is empty"),
        (b"<html>hunter2</html>", BodyProblem::NotJson, "is not JSON"),
        (b"{\"access_token\":\"hunter2", BodyProblem::NotJson, "is not JSON"),
        (b"\xff\xfehunter2", BodyProblem::NotJson, "is not JSON"),
        (
            b"{\n\"access_token\":\"hunter2\"}",
            BodyProblem::Unexpected { line: 2, column: 24 },
            "does not match the spec (line 2, column 24)",
        ),
        (b"{\"access_token\":\"2026-11-22T11:00:00\"}", BodyProblem::NoOffset, "has a date-time without an offset"),
    ] {
        let (target, _server) = server_returning(response(200, "", body)).await;
        let error = run::<Expiring>(&Call::new(&CREATE, &target), post(&target)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Body(problem));
        assert_eq!((error.body_problem(), error.status()), (Some(problem), Some(200)));
        assert_eq!(error.class(), ErrorClass::Transient);
        assert!(error.is_unusable() && error.is_ambiguous());
        assert_eq!(message(&error), format!("create_token: POST ORIGIN returned 200; its body {words}"));
        assert!(!messages(&error).contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_ignored() {
    let (target, _server) = server_returning(response(200, "", format!("\u{feff}{TOKEN}"))).await;
    assert!(create(&target).await.is_ok());
    assert_eq!(failing(400, "", "\u{feff}{\"code\":\"slow_down\"}").await.code(), Some("slow_down"));
}

#[tokio::test]
async fn a_body_larger_than_the_limit_is_an_error() {
    let fits = format!("{TOKEN}{}", " ".repeat(MAX_BODY - TOKEN.len()));
    let (target, _server) = server_returning(response(200, "", &fits)).await;
    assert!(create(&target).await.is_ok());
    let error = failing(200, "", format!("{fits} ")).await;
    assert_eq!(error.kind(), ErrorKind::Body(BodyProblem::TooLarge));
}

#[tokio::test]
async fn a_chunked_body_has_the_same_limit() {
    for (spaces, fits) in [(MAX_BODY - TOKEN.len(), true), (MAX_BODY - TOKEN.len() + 1, false)] {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let body = format!("{head}{:x}\r\n{TOKEN}{}\r\n0\r\n\r\n", spaces + TOKEN.len(), " ".repeat(spaces));
        let (target, _server) = server_returning(body).await;
        let problem = create(&target).await.err().map(|error| error.kind());
        assert_eq!(problem, (!fits).then_some(ErrorKind::Body(BodyProblem::TooLarge)));
    }
}

#[tokio::test]
async fn a_body_with_too_large_a_content_length_is_not_read() {
    // The body is never sent, and the connection stays open until the client closes it.
    let (target, server) = server(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 65537\r\n\r\n").await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    })
    .await;
    assert_eq!(failure(&target).await.kind(), ErrorKind::Body(BodyProblem::TooLarge));
    server.await.unwrap();
}

#[tokio::test]
async fn an_endless_body_is_read_up_to_the_limit() {
    let (target, server) = server(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        // Until the client closes the connection.
        while stream.write_all(b"4\r\n    \r\n".repeat(1024).as_slice()).await.is_ok() {}
    })
    .await;
    assert_eq!(failure(&target).await.kind(), ErrorKind::Body(BodyProblem::TooLarge));
    server.await.unwrap();
}

#[tokio::test]
async fn an_operation_without_a_success_body_accepts_any_2xx() {
    let large = vec![b' '; MAX_BODY + 1];
    for (status, body) in [(204, &b""[..]), (200, b""), (200, b"<html>"), (200, &large), (202, b"{}"), (202, &large)] {
        let (target, _server) = server_returning(response(status, "", body)).await;
        assert!(run_empty(&target).await.is_ok(), "{status}, {} bytes", body.len());
    }
    for status in [300, 400, 500] {
        let (target, _server) = server_returning(response(status, "", "")).await;
        assert_eq!(run_empty(&target).await.unwrap_err().status(), Some(status));
    }
}

#[tokio::test]
async fn an_unlisted_success_is_a_status_error() {
    let error = failing(202, "", TOKEN).await;
    assert_eq!((error.kind(), error.status(), error.is_transient()), (ErrorKind::Status, Some(202), true));
    assert!(error.is_unusable() && error.is_ambiguous());
    assert_eq!(message(&error), "create_token: POST ORIGIN returned 202");
    let error = failing(202, "", vec![b' '; MAX_BODY + 1]).await;
    assert_eq!((error.kind(), error.body_problem()), (ErrorKind::Status, Some(BodyProblem::TooLarge)));
}
