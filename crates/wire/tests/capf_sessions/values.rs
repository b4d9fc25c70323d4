//! The values of the elements, and what is never shown.

use std::collections::HashSet;

use wire::capf::{
    AuthResponse, Command, Curve, DeviceName, Element, Elements, Failure, MAX_DEVICE_NAME, MAX_PASSWORD, Message,
    Password, Reason, RsaSize, Tolerance, tag,
};

use crate::desk::{DEVICE, message};

#[test]
fn numbers_and_names_belong_together() {
    for (index, command) in Command::ALL.into_iter().enumerate() {
        assert_eq!(command as usize, index + 1);
        assert_eq!(Command::from_byte(command as u8), Some(command));
    }
    assert_eq!((Command::from_byte(0), Command::from_byte(24)), (None, None));
    let names: HashSet<_> = Command::ALL.into_iter().map(Command::name).collect();
    assert_eq!(names.len(), 23);
    assert_eq!(Command::EncryptResponse as u8, 5, "the odd order of the original");
    let tags: Vec<u8> = (0..=255).filter(|known| tag::is_known(*known)).collect();
    assert_eq!(tags.len(), 18);
    assert!((0..=255).all(|number| tag::is_known(number) == (tag::name(number) != "UNKNOWN")));
    assert_eq!(Curve::ALL.map(|curve| curve as u8), [0, 1, 2]);
    assert_eq!(Curve::ALL.map(Curve::bits), [256, 384, 521]);
    assert_eq!(RsaSize::ALL.map(RsaSize::bits), [512, 1024, 2048, 3072, 4096]);
    assert_eq!(RsaSize::from_bits(1023), None);
    assert_eq!(Reason(9).to_string(), "9 (unknown device)");
    assert_eq!(Reason(5).to_string(), "5");
}

#[test]
fn every_tolerance_and_failure_has_its_own_name() {
    let names: HashSet<_> = Tolerance::ALL.into_iter().map(Tolerance::label).collect();
    assert_eq!(names.len(), Tolerance::ALL.len());
    let names: HashSet<_> = Failure::ALL.into_iter().map(Failure::label).collect();
    assert_eq!(names.len(), 9);
}

#[test]
fn device_names_are_printable_and_short() {
    let name = DeviceName::new(DEVICE).unwrap();
    assert_eq!(name.as_sent(), b"SEPB000B4BA0AEE\0");
    assert!(name.has_phone_form());
    for other in ["CSFJDOE", "SEPb000b4ba0aee", "SEPB000B4BA0AE", "SEPB000B4BA0AEEE", "ATAB000B4BA0AEE"] {
        assert!(!DeviceName::new(other).unwrap().has_phone_form(), "{other}");
    }
    assert!(DeviceName::new(&"x".repeat(MAX_DEVICE_NAME)).is_ok());
    for bad in ["", "SEP B", "SEP\nforged line", "SEP\0", "Gerät", &"x".repeat(MAX_DEVICE_NAME + 1)] {
        assert_eq!(DeviceName::new(bad).unwrap_err().label(), "value", "{bad:?}");
    }
}

#[test]
fn passwords_match_only_themselves_and_are_never_shown() {
    let password = Password::new(b"482913").unwrap();
    assert!(password.matches(b"482913"));
    for other in [b"482914".as_slice(), b"48291", b"4829133", b"", b"582913"] {
        assert!(!password.matches(other), "{other:?}");
    }
    let empty = Password::new(b"").unwrap();
    assert!(empty.is_empty() && !empty.matches(b""), "no password is no key");
    assert_eq!(empty, Password::new(b"").unwrap());
    assert_ne!(empty, password);
    assert!(Password::new(&[b'1'; MAX_PASSWORD]).is_ok());
    assert!(Password::new(&[b'1'; MAX_PASSWORD + 1]).is_err());
    assert!(Password::new(b"12\x0034").is_err());

    let auth = AuthResponse::with_password(DeviceName::new(DEVICE).unwrap(), password.clone());
    let bytes = message(2, 1, &[(11, b"482913\0")]);
    let decoded = Message::decode(&bytes).unwrap();
    let element: Element<'_> = Elements::new(&bytes[8..]).next().unwrap().unwrap();
    for shown in [format!("{password:?}"), format!("{auth:?}"), format!("{decoded:?}"), format!("{element:?}")] {
        assert!(!shown.contains("4829") && !shown.contains("52, 56"), "{shown}");
    }
}
