"""`eval`: mattes scored against alphas."""
