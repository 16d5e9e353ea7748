"""Pages and API: a face without rules. Everything it shows of strangers is bounded and escaped first."""
