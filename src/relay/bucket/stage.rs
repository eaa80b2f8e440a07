//! The order in which files are uploaded. Pure.

use crate::publish::content_type;

/// A group of files. A file needs only files of earlier groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum UploadStage {
    /// Scripts, style sheets and other files of the theme.
    Assets,
    /// Pictures.
    Pictures,
    /// Pages of one film or one person.
    Pages,
    /// Pages, feeds and data files that name other pages.
    Lists,
}

impl UploadStage {
    /// Returns the group of a file.
    pub(super) fn of(path: &str) -> UploadStage {
        let is_of_theme = path.starts_with("assets/") || path.starts_with("static/");
        let names_others = [".html", ".json", ".xml", ".txt"].iter().any(|end| path.ends_with(end));
        if content_type(path).starts_with("image/") && !is_of_theme {
            return UploadStage::Pictures;
        }
        if is_of_theme || !names_others {
            return UploadStage::Assets;
        }
        // The page of a record is a directory in the directory of its list.
        match path.strip_suffix("/index.html") {
            Some(directory) if directory.contains('/') => UploadStage::Pages,
            _ => UploadStage::Lists,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_comes_after_what_it_needs() {
        for (path, stage) in [
            ("assets/style.0a1b.css", UploadStage::Assets),
            ("static/logo.svg", UploadStage::Assets),
            ("manifest.webmanifest", UploadStage::Assets),
            ("movies/salt-road/poster.svg", UploadStage::Pictures),
            ("favicon.ico", UploadStage::Pictures),
            ("movies/salt-road/index.html", UploadStage::Pages),
            ("people/ida/index.html", UploadStage::Pages),
            ("people/index.html", UploadStage::Lists),
            ("index.html", UploadStage::Lists),
            ("movies.json", UploadStage::Lists),
            ("sitemap.xml", UploadStage::Lists),
            ("404.html", UploadStage::Lists),
        ] {
            assert_eq!(UploadStage::of(path), stage, "{path}");
        }
        assert!(
            UploadStage::Assets < UploadStage::Pictures
                && UploadStage::Pictures < UploadStage::Pages
        );
        assert!(UploadStage::Pages < UploadStage::Lists);
    }
}
