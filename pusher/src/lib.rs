//! Plans and sends push jobs for members whose devices have not acknowledged.
