"""The provider as another party: a stand-in that speaks its documents over real HTTP, and nothing of ours."""
