//! Names of devices: in capitals everywhere, in the form of their model.

use trust::Model;
use trust::models::MODELS;
use wire::file_name::{DEVICE_NAME_MAX, is_device_name};

use crate::Refusal;

/// Letters of what was given that a message shows, at most.
const SHOWN: usize = 80;

/// Digits of a MAC address.
const MAC: usize = 12;

/// The name of a device as it is written everywhere: upper case. A bare MAC address, which stands on the label of a phone, is that of
/// a `SEP`.
///
/// # Errors
/// [`Refusal::BadInput`]: letters that no device name has, or too many.
pub fn device_name(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    if let Some(mac) = bare_mac(name) {
        return Ok(format!("SEP{mac}"));
    }
    if is_device_name(name) {
        return Ok(name.to_ascii_uppercase());
    }
    let reason = match name.len() {
        0 => "a device name is missing; write SEP and the MAC address".to_owned(),
        length if length > DEVICE_NAME_MAX => {
            format!("`{}` is not a device name: {length} bytes, at most {DEVICE_NAME_MAX} are taken", shown(name))
        }
        _ => format!(
            "`{}` is not a device name; write SEP and the MAC address, or letters, digits, `.`, `_` and `-` for a soft phone",
            shown(name)
        ),
    };
    Err(Refusal::BadInput(reason))
}

/// The same for a device of a model: its names have a form of their own.
///
/// # Errors
/// [`Refusal::BadInput`] with the nearest right form; a model that is not known, with those that are.
pub fn device_name_of(name: &str, model: &str) -> Result<String, Refusal> {
    let Model { name: series, prefix, free_name, .. } = self::model(model)?;
    let given = name.trim();
    let name = match bare_mac(given) {
        Some(mac) if !free_name => return Ok(format!("{prefix}{mac}")),
        _ => device_name(given)?,
    };
    if *free_name {
        return Ok(name);
    }
    let refused = |what: String| {
        let form =
            format!("write {prefix} and the {MAC} hexadecimal digits of the MAC address, such as {prefix}001122334455");
        Err(Refusal::BadInput(format!("{what}; {form}")))
    };
    let Some(digits) = name.strip_prefix(prefix) else {
        let free: Vec<&str> = MODELS.iter().filter(|model| model.free_name).map(|model| model.name).collect();
        return refused(format!(
            "`{name}` is not a valid name for model {series} (only soft phones, --model {}, have free names)",
            free.join(" or ")
        ));
    };
    if let Some(bad) = digits.chars().find(|digit| !digit.is_ascii_hexdigit()) {
        return refused(format!("`{name}`: `{bad}` is not a hexadecimal digit"));
    }
    if digits.len() != MAC {
        return refused(format!("`{name}` has {} digits after {prefix}", digits.len()));
    }
    Ok(name)
}

/// The row of a model.
///
/// # Errors
/// [`Refusal::BadInput`] with the models.
pub fn model(name: &str) -> Result<&'static Model, Refusal> {
    let name = name.trim();
    Model::find(name).ok_or_else(|| {
        Refusal::BadInput(format!("`{}` is not a known model; the models are {}", shown(name), Model::names()))
    })
}

/// What was given, as far as it goes into a message.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() { format!("{start}...") } else { start }
}

/// The digits of a MAC address that stands there alone, in capitals.
fn bare_mac(name: &str) -> Option<String> {
    if name.len() > 2 * MAC {
        return None;
    }
    let digits: String = name.chars().filter(|letter| !matches!(letter, ':' | '-' | '.')).collect();
    (digits.len() == MAC && digits.bytes().all(|digit| digit.is_ascii_hexdigit())).then(|| digits.to_ascii_uppercase())
}
