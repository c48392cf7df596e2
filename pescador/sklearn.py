"""StreamLearner: scikit-learn estimators that learn from streams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pescador import errors
from pescador.errors import DataError, MissingKeyError, require
from pescador.ops import take
from pescador.running import Pass

try:
    from sklearn.base import BaseEstimator, is_classifier, is_regressor
except ImportError as error:
    raise ImportError("StreamLearner needs scikit-learn: pip install scikit-learn") from error

__all__ = ["StreamLearner"]

_DELEGATED = {
    "decision_function",
    "inverse_transform",
    "predict",
    "predict_log_proba",
    "predict_proba",
    "score",
    "transform",
}


class StreamLearner(BaseEstimator):  # type: ignore[misc]
    """An estimator that learns from a stream batch by batch, by its ``partial_fit``.

    The methods predict, predict_proba, predict_log_proba, decision_function, transform,
    inverse_transform and score, and the attributes of a fitted estimator, are those of the wrapped
    estimator.

    Parameters
    ----------
    estimator : scikit-learn estimator
        The estimator, which must have ``partial_fit``.
    max_batches : int > 0 or None, default=None
        The greatest number of batches that `iter_fit` learns from; None for all.
    max_steps : int > 0 or None, default=None
        Another name for `max_batches`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.naive_bayes import GaussianNB
    >>> batches = [{"X": np.array([[0.0], [1.0]]), "Y": np.array([0, 1])}] * 3
    >>> model = StreamLearner(GaussianNB(), max_batches=2).iter_fit(batches, classes=[0, 1])
    >>> model.predict([[0.1], [0.8]])
    array([0, 1])
    """

    def __init__(
        self, estimator: Any, max_batches: int | None = None, max_steps: int | None = None
    ) -> None:
        self.estimator = estimator
        self.max_batches = max_batches
        self.max_steps = max_steps

    def iter_fit(self, stream: Iterable[Mapping[str, Any]], **kwargs: Any) -> StreamLearner:
        """Learn from the batches of a stream.

        Parameters
        ----------
        stream : iterable of mapping
            Batches: ``"X"``, of shape (n_samples, n_features), and for a classifier or regressor
            ``"Y"``, of shape (n_samples, ...).
        **kwargs
            Arguments for the estimator's ``partial_fit``, for each batch; a classifier needs
            ``classes``.

        Returns
        -------
        StreamLearner
            The learner itself.

        Raises
        ------
        DataError
            If a batch is not a mapping, or lacks ``"X"``, or lacks a ``"Y"`` that is needed.
        """
        supervised = is_classifier(self.estimator) or is_regressor(self.estimator)
        keys = ("X", "Y") if supervised else ("X",)
        bound = self.max_steps if self.max_batches is None else self.max_batches
        require(
            None in (self.max_batches, self.max_steps),
            self,
            "max_batches and max_steps are one parameter; give one",
        )
        if bound is not None:
            errors.count(self, "max_batches", bound)
        with Pass.over(stream if bound is None else take(bound)(stream)) as batches:
            for index, batch in enumerate(batches):
                self.estimator.partial_fit(*_picked(batch, keys, index), **kwargs)
        return self

    def fit(self, X: Any, y: Any = None, **kwargs: Any) -> StreamLearner:
        """Fit the estimator to arrays.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Samples.
        y : array-like, shape (n_samples, ...), or None, default=None
            Targets.
        **kwargs
            Arguments for the estimator's ``fit``.

        Returns
        -------
        StreamLearner
            The learner itself.
        """
        self.estimator.fit(X, y, **kwargs)
        return self

    def partial_fit(self, X: Any, y: Any = None, **kwargs: Any) -> StreamLearner:
        """Learn from one batch of arrays.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Samples.
        y : array-like, shape (n_samples, ...), or None, default=None
            Targets.
        **kwargs
            Arguments for the estimator's ``partial_fit``.

        Returns
        -------
        StreamLearner
            The learner itself.
        """
        self.estimator.partial_fit(X, y, **kwargs)
        return self

    def __getattr__(self, name: str) -> Any:
        fitted = name.endswith("_") and not name.startswith("_")
        if "estimator" in self.__dict__ and (name in _DELEGATED or fitted):
            return getattr(self.estimator, name)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __sklearn_tags__(self) -> Any:
        return self.estimator.__sklearn_tags__()

    def __sklearn_is_fitted__(self) -> bool:
        from sklearn.exceptions import NotFittedError
        from sklearn.utils.validation import check_is_fitted

        try:
            check_is_fitted(self.estimator)
        except NotFittedError:
            return False
        return True


def _picked(batch: Any, keys: tuple[str, ...], index: int) -> list[Any]:
    """Return the arrays of a batch at `keys`, or refuse a batch that lacks one."""
    try:
        return [batch[key] for key in keys]
    except KeyError as error:
        problem = f"is missing; the batch has {[*batch]}"
        raise MissingKeyError(problem, "StreamLearner", index, error.args[0]) from error
    except (TypeError, IndexError) as error:
        problem = f"{type(batch).__name__} is not a mapping with the keys {[*keys]}"
        raise DataError(problem, "StreamLearner", index) from error


StreamLearner.__module__ = "pescador"
