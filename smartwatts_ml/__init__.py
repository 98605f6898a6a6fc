"""SmartWatts ML: keeps the models of the home-energy gateway fresh."""

__all__ = ["__version__"]

__version__ = "1.0.0"
