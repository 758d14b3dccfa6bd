"""Data of the package; read it with `importlib.resources.files("p3m_anon.manifests")`."""
