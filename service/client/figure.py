"""Figures as the client returns them: plain JSON that shows itself in a notebook."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go


class Figure(dict[str, Any]):
    """A figure's ``data`` and ``layout``, as the API sends them.

    In a notebook it is drawn inline, by Plotly's own renderer for that front end (``plotly.io.renderers``).
    """

    def plot(self) -> "go.Figure":
        """The figure to work on with Plotly: change it, write it to a file."""
        import plotly.graph_objects as go  # noqa: PLC0415 - a tenth of a second that most callers do not need

        return go.Figure(self)

    def _ipython_display_(self) -> None:
        self.plot()._ipython_display_()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        bundle: dict[str, Any] = self.plot()._repr_mimebundle_(include, exclude)
        return bundle

    def _repr_html_(self) -> str:
        html: str = self.plot()._repr_html_()
        return html
