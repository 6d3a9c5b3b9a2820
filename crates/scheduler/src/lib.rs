//! What is due when: a pure core and its tokio driver.
