"""StreamLearner, with the estimators and the tools of scikit-learn."""

from __future__ import annotations

import inspect
import itertools
import pickle
import re
import sys

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import load_diabetes, load_iris
from sklearn.decomposition import IncrementalPCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

import pescador
from pescador import DataError, ParameterError, Streamer, StreamLearner, ops, stream

X, Y = load_iris(return_X_y=True)
CLASSES = [0, 1, 2]
SHUFFLED = np.random.default_rng(0).permutation(len(X))


def rows(X=X, Y=Y, batch_size=10):
    for start in range(0, len(X), batch_size):
        chosen = SHUFFLED[start : start + batch_size]
        yield {"X": X[chosen], "Y": Y[chosen]}


def test_signatures():
    initial = inspect.signature(StreamLearner).parameters
    assert [*initial] == ["estimator", "max_batches", "max_steps"]
    assert initial["max_batches"].default is initial["max_steps"].default is None
    assert [*inspect.signature(StreamLearner.iter_fit).parameters] == ["self", "stream", "kwargs"]


@pytest.mark.parametrize(
    ("estimator", "arguments", "supervised"),
    [
        (GaussianNB(), {"classes": CLASSES}, True),
        (SGDRegressor(random_state=0), {}, True),
        (MiniBatchKMeans(3, n_init=1, random_state=0), {}, False),
        (IncrementalPCA(2), {}, False),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "partial_fit") else "",
)
def test_each_batch_is_learnt_once_and_in_order(estimator, arguments, supervised):
    expected = clone(estimator)
    for batch in rows():
        expected.partial_fit(batch["X"], *([batch["Y"]] * supervised), **arguments)
    learner = StreamLearner(clone(estimator))
    assert learner.iter_fit(Streamer(rows), **arguments) is learner
    fitted = {name: value for name, value in vars(expected).items() if name.endswith("_")}
    assert fitted
    for name in fitted.keys() - {"random_state_"}:
        np.testing.assert_equal(getattr(learner, name), fitted[name], err_msg=name)


@pytest.mark.parametrize(
    "source",
    ["[*rows()]", "rows()", "stream(rows)", "Streamer(rows)", "Streamer(rows)(max_batches=15)"],
)
def test_any_iterable_is_a_stream(source):
    learner = StreamLearner(GaussianNB()).iter_fit(eval(source), classes=CLASSES)
    assert learner.class_count_.sum() == len(X)
    assert learner.score(X, Y) > 0.9


def test_unsupervised_estimators_need_x_alone():
    learner = StreamLearner(IncrementalPCA(2)).iter_fit([{"X": X}])
    assert learner.transform(X).shape == (len(X), 2)


class TestBounds:
    @pytest.mark.parametrize("name", ["max_batches", "max_steps"])
    @pytest.mark.parametrize("n", [1, 7])
    def test_no_more_is_read_than_is_learnt(self, name, n):
        read = []

        def source():
            for batch in rows():
                read.append(batch)
                yield batch

        StreamLearner(GaussianNB(), **{name: n}).iter_fit(Streamer(source), classes=CLASSES)
        assert len(read) == n

    def test_an_endless_stream(self):
        learner = StreamLearner(GaussianNB(), max_batches=40)
        learner.iter_fit(Streamer(rows).cycle(), classes=CLASSES)
        assert learner.class_count_.sum() == 400

    def test_a_short_stream(self):
        learner = StreamLearner(GaussianNB(), max_batches=40)
        learner.iter_fit(Streamer(rows), classes=CLASSES)
        assert learner.class_count_.sum() == 150

    def test_a_second_call_goes_on(self):
        source = rows()
        learner = StreamLearner(GaussianNB(), max_batches=5)
        for learnt in (50, 100, 150, 150):
            learner.iter_fit(source, classes=CLASSES)
            assert learner.class_count_.sum() == learnt

    @pytest.mark.parametrize("n", [-1, 0, 2.5, True, "all"])
    def test_refused(self, n):
        with pytest.raises(pescador.PescadorError, match="max_batches must be"):
            StreamLearner(GaussianNB(), max_batches=n).iter_fit(rows(), classes=CLASSES)

    def test_two_at_once_are_refused(self):
        learner = StreamLearner(GaussianNB(), max_batches=2).set_params(max_steps=3)
        with pytest.raises(ParameterError, match="max_batches and max_steps are one parameter"):
            learner.iter_fit(rows(), classes=CLASSES)


def test_the_stream_is_closed_when_enough_is_learnt():
    streamer = Streamer(rows)
    StreamLearner(GaussianNB(), max_batches=2).iter_fit(streamer, classes=CLASSES)
    assert streamer.active == 0


@pytest.mark.parametrize(
    ("estimator", "batch", "message"),
    [
        (GaussianNB(), {"X": X}, "StreamLearner: element 1, key 'Y': is missing; the batch has"),
        (SGDRegressor(), {"X": X}, "StreamLearner: element 1, key 'Y': is missing"),
        (GaussianNB(), {"Y": Y}, "StreamLearner: element 1, key 'X': is missing"),
        (IncrementalPCA(2), {"Y": Y}, "StreamLearner: element 1, key 'X': is missing"),
    ],
    ids=["classifier", "regressor", "classifier without X", "transformer"],
)
def test_a_missing_key(estimator, batch, message):
    learner = StreamLearner(clone(estimator))
    arguments = {"classes": CLASSES} if is_classifier(estimator) else {}
    with pytest.raises(KeyError, match=re.escape(message)) as caught:
        learner.iter_fit([{"X": X, "Y": Y}, batch], **arguments)
    assert isinstance(caught.value, DataError)
    assert learner.n_features_in_ == 4  # What came before was learnt.


@pytest.mark.parametrize(
    ("batch", "kind"), [((X, Y), "tuple"), (X, "ndarray"), (5, "int"), (None, "NoneType")]
)
def test_a_batch_that_is_no_mapping(batch, kind):
    message = f"StreamLearner: element 0: {kind} is not a mapping with the keys ['X', 'Y']"
    with pytest.raises(DataError, match=re.escape(message)):
        StreamLearner(GaussianNB()).iter_fit([batch], classes=CLASSES)


def test_errors_of_the_estimator_pass_through():
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        StreamLearner(GaussianNB()).iter_fit(rows())


def test_errors_of_the_source_pass_through():
    def broken():
        yield from itertools.islice(rows(), 2)
        raise OSError("broken")

    learner = StreamLearner(GaussianNB())
    with pytest.raises(OSError, match="broken"):
        learner.iter_fit(Streamer(broken), classes=CLASSES)
    assert learner.class_count_.sum() == 20


@pytest.fixture
def fitted():
    return StreamLearner(GaussianNB()).iter_fit(stream(rows) | ops.cycle(2), classes=CLASSES)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_predictions_are_the_estimators(fitted, method):
    ours, expected = getattr(fitted, method), getattr(fitted.estimator, method)
    np.testing.assert_array_equal(ours(X), expected(X))


def test_decisions_are_the_estimators():
    learner = StreamLearner(SGDClassifier(random_state=0)).iter_fit(rows(), classes=CLASSES)
    np.testing.assert_array_equal(
        learner.decision_function(X), learner.estimator.decision_function(X)
    )


def test_score(fitted):
    assert fitted.score(X, Y) == fitted.estimator.score(X, Y) > 0.9


def test_transformers():
    learner = StreamLearner(IncrementalPCA(2)).iter_fit(rows())
    lower = learner.transform(X)
    np.testing.assert_array_equal(lower, learner.estimator.transform(X))
    np.testing.assert_array_equal(
        learner.inverse_transform(lower), learner.estimator.inverse_transform(lower)
    )


@pytest.mark.parametrize("supervised", [True, False])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_fit_and_partial_fit(method, supervised):
    estimator = SGDRegressor(random_state=0) if supervised else IncrementalPCA(2)
    data = (X, Y) if supervised else (X,)
    expected = getattr(clone(estimator), method)(*data)
    learner = StreamLearner(estimator)
    assert getattr(learner, method)(*data) is learner
    ask = "predict" if supervised else "transform"
    np.testing.assert_array_equal(getattr(learner, ask)(X), getattr(expected, ask)(X))


@pytest.mark.parametrize(
    ("estimator", "lacking"),
    [
        (SGDRegressor(), "predict_proba"),
        (SGDRegressor(), "transform"),
        (SGDClassifier(loss="hinge"), "predict_proba"),
        (IncrementalPCA(), "predict"),
        (GaussianNB(), "coef_"),
        (GaussianNB(), "var_smoothing"),
        (GaussianNB(), "__len__"),
    ],
    ids=str,
)
def test_it_has_what_the_estimator_has_and_no_more(estimator, lacking):
    assert not hasattr(StreamLearner(estimator), lacking)


def test_parameters():
    learner = StreamLearner(SGDClassifier(alpha=0.1), max_batches=5)
    parameters = learner.get_params()
    assert parameters["estimator__alpha"] == 0.1
    assert (parameters["max_batches"], parameters["max_steps"]) == (5, None)
    assert learner.get_params(deep=False).keys() == {"estimator", "max_batches", "max_steps"}
    learner.set_params(estimator__alpha=0.2, max_batches=None, max_steps=3)
    assert (learner.estimator.alpha, learner.max_batches, learner.max_steps) == (0.2, None, 3)


def test_clone(fitted):
    fresh = clone(fitted.set_params(max_batches=3, estimator__var_smoothing=0.1))
    assert fresh.get_params()["estimator__var_smoothing"] == 0.1
    assert fresh.max_batches == 3
    with pytest.raises(NotFittedError):
        fresh.predict(X)
    assert fitted.score(X, Y) > 0.9


def test_it_is_fitted_when_its_estimator_is(fitted):
    check_is_fitted(fitted)
    with pytest.raises(NotFittedError, match="This StreamLearner instance is not fitted yet"):
        check_is_fitted(StreamLearner(GaussianNB()))


def test_pickle(fitted):
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(X), fitted.predict(X))


@pytest.mark.parametrize(
    ("estimator", "classifies", "regresses"),
    [(GaussianNB(), True, False), (SGDRegressor(), False, True), (IncrementalPCA(), False, False)],
    ids=["classifier", "regressor", "transformer"],
)
def test_it_is_what_its_estimator_is(estimator, classifies, regresses):
    learner = StreamLearner(estimator)
    assert (is_classifier(learner), is_regressor(learner)) == (classifies, regresses)


def test_cross_validation():
    ours = cross_val_score(StreamLearner(GaussianNB()), X, Y, cv=4)
    np.testing.assert_array_equal(ours, cross_val_score(GaussianNB(), X, Y, cv=4))
    assert ours.mean() > 0.9


def test_cross_validation_of_a_regressor():
    data = load_diabetes(return_X_y=True)
    estimator = SGDRegressor(max_iter=20, tol=None, random_state=0)
    ours = cross_val_score(StreamLearner(estimator), *data, cv=3)
    np.testing.assert_array_equal(ours, cross_val_score(estimator, *data, cv=3))


def test_grid_search():
    # So much smoothing takes every feature for noise.
    grid = {"estimator__var_smoothing": [1e-9, 1e9]}
    search = GridSearchCV(StreamLearner(GaussianNB()), grid, cv=3).fit(X, Y)
    assert search.best_params_ == {"estimator__var_smoothing": 1e-9}
    assert isinstance(search.best_estimator_, StreamLearner)
    assert search.score(X, Y) > 0.9


def test_at_the_end_of_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), StreamLearner(GaussianNB())).fit(X, Y)
    assert pipeline.score(X, Y) > 0.9
    np.testing.assert_array_equal(pipeline.classes_, CLASSES)


def test_in_the_middle_of_a_pipeline():
    pipeline = make_pipeline(StreamLearner(IncrementalPCA(2)), GaussianNB()).fit(X, Y)
    expected = make_pipeline(IncrementalPCA(2), GaussianNB()).fit(X, Y)
    np.testing.assert_array_equal(pipeline.predict(X), expected.predict(X))


def test_a_pipeline_over_what_a_stream_has_taught():
    scaler = StreamLearner(StandardScaler()).iter_fit(rows())
    np.testing.assert_allclose(scaler.mean_, X.mean(axis=0))
    scaled = stream(rows) | ops.map(lambda batch: {**batch, "X": scaler.transform(batch["X"])})
    learner = StreamLearner(GaussianNB()).iter_fit(scaled, classes=CLASSES)
    assert make_pipeline(scaler, learner).score(X, Y) > 0.9


WITHOUT = """
import sys
sys.modules["sklearn"] = None  # As if it were not installed.
from pescador import *
import pescador
assert list(Streamer("ab")) == ["a", "b"]
assert not hasattr(pescador, "anything_else")
pescador.StreamLearner
"""


def test_without_scikit_learn_all_else_works_and_it_says_what_to_install(programs):
    run = programs.run(sys.executable, "-c", WITHOUT)
    assert run.returncode == 1
    last = run.stderr.strip().splitlines()[-1]
    assert last == "ImportError: StreamLearner needs scikit-learn: pip install scikit-learn"


def test_importing_pescador_does_not_import_scikit_learn(programs):
    code = "import sys, pescador; assert 'sklearn' not in sys.modules; pescador.StreamLearner"
    assert programs.run(sys.executable, "-c", code).returncode == 0
