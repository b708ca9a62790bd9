"""What must happen: to which models by a change, and on main by history (`rule`), read from Git's objects (`past`)."""
