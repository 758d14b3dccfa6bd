"""Pages and pictures for people: contact sheets, the panels of Figure 3."""
