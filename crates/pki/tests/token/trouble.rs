//! What real tokens do and SoftHSM never does: a module in front of it plays it.

use std::time::Duration;

use pki::token::{PinState, TokenError, TokenModule};
use pki::{SignError, Signer};
use wire::digest::DigestId;
use zeroize::Zeroizing;

use crate::softhsm::{init, open, pin, preparation, prepared, stub, with_tokens};

/// Long enough for what does come back.
const PATIENT: Duration = Duration::from_secs(60);
/// For what never does.
const SHORT: Duration = Duration::from_secs(2);

fn sign_by(module: &TokenModule) -> SignError {
    let token = module.find("one").unwrap();
    let identity = module.log_in(&token, &pin()).unwrap().identity(None).unwrap();
    identity.sign(DigestId::SHA1, &[b"list"]).unwrap_err()
}

fn logins(folder: &std::path::Path) -> usize {
    std::fs::read_to_string(folder.join("logins")).unwrap_or_default().lines().count()
}

#[test]
fn a_token_pulled_out_in_the_middle() {
    with_tokens("trouble::a_token_pulled_out_in_the_middle", &[("STUB_MODE", "removed")], |folder| {
        init("one");
        prepared(&open(), "one", &preparation(1024));
        let said = sign_by(&stub(folder, PATIENT)).to_string();
        assert!(said.contains("token one was removed; nothing was signed"), "{said}");
    });
}

#[test]
fn a_module_that_hangs_is_given_up_and_not_asked_again() {
    with_tokens("trouble::a_module_that_hangs_is_given_up_and_not_asked_again", &[("STUB_MODE", "hangs")], |folder| {
        init("one");
        prepared(&open(), "one", &preparation(1024));
        let module = stub(folder, SHORT);
        let said = sign_by(&module).to_string();
        assert!(said.contains("did not answer within 2 s"), "{said}");
        assert_eq!(module.tokens().unwrap_err(), TokenError::Hangs { seconds: 2 });
    });
}

#[test]
fn a_signature_that_does_not_verify_is_not_given_out() {
    with_tokens("trouble::a_signature_that_does_not_verify_is_not_given_out", &[("STUB_MODE", "lies")], |folder| {
        init("one");
        prepared(&open(), "one", &preparation(1024));
        let said = sign_by(&stub(folder, PATIENT)).to_string();
        assert!(said.contains("its own certificate does not verify"), "{said}");
    });
}

#[test]
fn a_locked_token_is_not_asked() {
    with_tokens("trouble::a_locked_token_is_not_asked", &[("STUB_MODE", "locked")], |folder| {
        init("one");
        let module = stub(folder, PATIENT);
        let token = module.find("one").unwrap();
        assert_eq!(token.pin, PinState::Locked);
        assert_eq!(module.log_in(&token, &pin()).unwrap_err(), TokenError::Locked { token: "one".to_owned() });
        assert_eq!(logins(folder), 0);
    });
}

#[test]
fn a_wrong_pin_is_tried_once_and_says_what_is_left() {
    with_tokens("trouble::a_wrong_pin_is_tried_once_and_says_what_is_left", &[("STUB_MODE", "last-try")], |folder| {
        init("one");
        let module = stub(folder, PATIENT);
        let token = module.find("one").unwrap();
        let wrong = module.log_in(&token, &Zeroizing::new("nonsense".to_owned())).unwrap_err();
        assert_eq!(wrong, TokenError::WrongPin { token: "one".to_owned(), state: PinState::LastTry });
        assert!(wrong.to_string().contains("one try is left"), "{wrong}");
        assert_eq!(logins(folder), 1);
    });
}
