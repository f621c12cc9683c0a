use super::{Key, Kind, Table};

pub(super) const TLS: Table = Table {
    about: "Certificates: whom to trust and who to be.",
    keys: &[
        Key::new("ca", Kind::Path, "Certificates (PEM) that are trusted besides the system's."),
        Key::new("client_certificate", Kind::Path, "The client's certificate (PEM), where the server asks for one."),
        Key::new("client_key", Kind::Path, "Its private key (PEM); nobody else may read the file."),
        Key::new(
            "verify",
            Kind::Bool,
            "false: the server's certificate is not checked, and every table and summary says so.",
        )
        .or("true"),
    ],
};
