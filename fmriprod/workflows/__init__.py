"""Graphs: ``init_<what>_wf`` builders that compose interfaces and other builders."""
