"""The examples that users of earlier releases know from the documentation, each as it stands there.

What an example leaves open (a generator, what is done with a batch) is defined here. Seeded values
are those of pescador 3.0.0 under numpy 2.4, unless another release is named.
"""

# The examples stand here as they were written:
# ruff: noqa: B007, C408, N806, T201, UP032
# and some of them have no end, but a consumer who leaves:
# ruff: noqa: PT012

from __future__ import annotations

import string
from itertools import islice

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import ShuffleSplit

import pescador
from pescador import Streamer
from pescador.ops import mux, take


class EnoughError(Exception):
    """The consumer of an endless stream has had enough."""


class Consumer:
    """What an example does with each batch: it is kept, until there are enough."""

    def __init__(self, enough=None):
        self.batches = []
        self.enough = enough

    def __call__(self, batch):
        self.batches.append(batch)
        if len(self.batches) == self.enough:
            raise EnoughError

    @property
    def shapes(self):
        return [batch["X"].shape for batch in self.batches]


class TestStreamer:
    @pytest.fixture
    def my_generator(self):
        def my_generator(n):
            for i in range(n):
                yield {"X": np.random.randn(1, 3)}

        return my_generator

    def test_a_run(self, my_generator):
        GS = Streamer(my_generator, 5)
        consume = Consumer()
        for i in GS():
            consume(i)
        assert consume.shapes == [(1, 3)] * 5

    def test_a_maximum_number_of_items(self, my_generator):
        GS = Streamer(my_generator, 5)
        consume = Consumer()
        for i in GS(max_items=3):
            consume(i)
        assert consume.shapes == [(1, 3)] * 3

    def test_cycle(self, my_generator):
        GS = Streamer(my_generator, 5)
        consume = Consumer(enough=12)
        with pytest.raises(EnoughError):
            for i in GS.cycle():
                consume(i)
        assert consume.shapes == [(1, 3)] * 12

    def test_cycle_by_call(self, my_generator):
        GS = Streamer(my_generator, 5)
        consume = Consumer(enough=12)
        with pytest.raises(EnoughError):
            for i in GS(cycle=True):
                consume(i)
        assert consume.shapes == [(1, 3)] * 12


class TestBufferedStreamer:
    @pytest.fixture
    def my_generator(self):
        def my_generator(n):
            # Generates a single 30-dimensional example vector for each iterate
            for i in range(n):
                yield dict(X=np.random.randn(1, 30))

        return my_generator

    def test_as_written_the_generator_lacks_its_argument(self, my_generator):
        N = 10
        B = pescador.BufferedStreamer(my_generator, N)
        with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'n'"):
            for batch in B():
                pytest.fail(f"the generator cannot have started, but gave {batch}")

    def test_as_meant(self, my_generator):
        S = pescador.Streamer(my_generator, 128)
        N = 10
        B = pescador.BufferedStreamer(S, N)
        MY_PROCESS_FUNCTION = Consumer()
        for batch in B():
            MY_PROCESS_FUNCTION(batch)
        assert MY_PROCESS_FUNCTION.shapes == [(10, 30)] * 12


def test_mux():
    def my_generator():
        for _ in range(4):
            yield {"X": np.random.randn(1, 3)}

    MY_FUNCTION = Consumer(enough=200)
    seeds = [pescador.Streamer(my_generator) for i in range(10)]
    mux = pescador.Mux(seeds, k=3)
    with pytest.raises(EnoughError):
        for batch in mux():
            MY_FUNCTION(batch)
    assert MY_FUNCTION.shapes == [(1, 3)] * 200


# The advanced example of 1.0; its ShuffleSplit was removed from scikit-learn.
def noisy_samples(X, Y, batch_size=16, sigma=1.0):
    n, d = X.shape
    while True:
        i = np.random.randint(0, n, size=batch_size)
        noise = sigma * np.random.randn(batch_size, d)
        yield {"X": X[i] + noise, "Y": Y[i]}


@pytest.fixture(name="iris", scope="module")
def _iris():
    X, Y = load_iris(return_X_y=True)
    train, test = next(ShuffleSplit(n_splits=1, test_size=0.1, random_state=0).split(X))
    return X, Y, train, test


@pytest.fixture
def streams(iris):
    X, Y, train, _ = iris
    return [noisy_samples(X[train], Y[train], sigma=sigma) for sigma in [0.5, 1.0, 2.0, 4.0]]


class TestAdvanced:
    def test_a_streamer_is_equivalent_to_its_generator(self, iris):
        X, Y, train, _ = iris
        streamer = pescador.Streamer(noisy_samples, X[train], Y[train])

        np.random.seed(0)
        batch_stream2 = streamer.generate()
        ours = [*islice(batch_stream2, 5)]
        np.random.seed(0)
        expected = [*islice(noisy_samples(X[train], Y[train]), 5)]
        np.testing.assert_equal(ours, expected)

    def test_a_streamer_is_bounded(self, iris):
        X, Y, train, _ = iris
        streamer = pescador.Streamer(noisy_samples, X[train], Y[train])
        N = 7
        assert len([*streamer.generate(max_batches=N)]) == N

    def test_a_mixture_of_noisy_streams(self, iris, capsys):
        X, Y, _, _ = iris
        classes = np.unique(Y)
        np.random.seed(0)

        for train, test in ShuffleSplit(n_splits=1, test_size=0.1).split(X):
            # Instantiate a linear classifier
            estimator = SGDClassifier()

            # Wrap the estimator object in a stream learner
            model = pescador.StreamLearner(estimator, max_batches=1000)

            # Build a collection of streams with different variance scales
            streams = [
                noisy_samples(X[train], Y[train], sigma=sigma) for sigma in [0.5, 1.0, 2.0, 4.0]
            ]

            # Build a mux stream, keeping only 2 streams alive at once
            batch_stream = pescador.mux(
                streams,
                1000,  # Generate 1000 batches in total
                2,  # Keep 2 streams alive at once
                lam=16,
            )  # Use a poisson rate of 16

            # Fit the model to the stream
            model.iter_fit(batch_stream, classes=classes)

            # And report the accuracy
            print("Test accuracy: {:.3f}".format(accuracy_score(Y[test], model.predict(X[test]))))

        name, accuracy = capsys.readouterr().out.split(": ")
        assert name == "Test accuracy"
        assert float(accuracy) > 1 / 3
        assert estimator.t_ == 1 + 1000 * 16

    def test_the_mux_in_a_streamer(self, streams):
        wrapped = pescador.Streamer(pescador.mux, streams, 1000, 2, lam=16)
        assert len([*wrapped]) == 1000
        assert len([*wrapped.generate(max_batches=10)]) == 10

    def test_without_lam_streams_run_until_they_end(self):
        runs = [Streamer("a" * 300), Streamer("b" * 400), Streamer("c" * 500)]
        mixed = pescador.mux(runs, None, 2, lam=None, with_replacement=False)
        assert sorted(mixed) == sorted("a" * 300 + "b" * 400 + "c" * 500)

    def test_without_replacement_streams_are_active_once(self):
        runs = [Streamer([name] * 50) for name in range(20)]
        mixed = [*pescador.mux(runs, None, 2, lam=5, with_replacement=False)]
        assert {*mixed} == {*range(20)}
        assert max(map(mixed.count, range(20))) <= 50

    def test_weights(self):
        np.random.seed(0)
        runs = [Streamer("a" * 5000), Streamer("b" * 5000)]
        mixed = [*pescador.mux(runs, 2000, 2, None, [0.8, 0.2], with_replacement=False)]
        assert mixed.count("a") / 2000 == pytest.approx(0.8, abs=0.04)

    @pytest.mark.parametrize(("prune", "starts"), [(True, 1), (False, 2)])
    def test_empty_streams_may_be_pruned(self, prune, starts):
        started = []

        def empty():
            started.append("empty")
            yield from ()

        np.random.seed(0)
        runs = [Streamer(empty), Streamer("abc")]
        assert len([*pescador.mux(runs, 100, 1, prune_empty_seeds=prune)]) == 100
        assert min(len(started), 2) == starts


@pytest.fixture
def letters():
    return [*map(Streamer, "abc")]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"rate": 5}, "abaccbaccccbaaabcbcbabbbbbbcca"),
        ({"rate": 5, "dist": "poisson"}, "aabcacaacbcbccccabcabcacaccccc"),
        ({"rate": 5, "dist": "constant"}, "aabacbacacbbcaccabababbaccccab"),
        ({"rate": 5, "mode": "single_active"}, "aabccaabcbbaabacbccaabcbcbcbca"),
        ({"rate": None, "mode": "exhaustive"}, "acb"),
        ({"rate": 5, "weights": [0.5, 0.25, 0.25]}, "aabacbaccccbaaaacbcbabbcbbbcca"),
    ],
    ids=str,
)
def test_stochastic_mux(letters, parameters, expected):
    mux = pescador.StochasticMux(letters, 2, random_state=1, **parameters)
    assert "".join(mux(max_iter=9)) == expected[:9]
    assert "".join(mux(max_iter=30)) == expected


@pytest.mark.parametrize(
    ("mode", "dist", "expected"),
    [
        ("with_replacement", "binomial", "000121301200120300102300"),
        ("with_replacement", "poisson", "001123000110120030120102"),
        ("with_replacement", "constant", "001212012010012201021020"),
        ("single_active", "binomial", "000123001012000101230123"),
        ("single_active", "poisson", "001023001102030120101230"),
        ("single_active", "constant", "001212000012012120012012"),
        ("exhaustive", "binomial", "0001213"),
        ("exhaustive", "poisson", "0010123"),
        ("exhaustive", "constant", "0012120"),
    ],
)
def test_stochastic_mux_of_streams_that_end(mode, dist, expected):
    pool = [Streamer(range(n)) for n in (4, 1, 7)]
    mux = pescador.StochasticMux(pool, 2, 3, mode=mode, dist=dist, random_state=5)
    assert "".join(map(str, mux(max_iter=24))) == expected


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (None, "bcaaabbcabacccaacbacccacaaabab"),
        ([0.5, 0.25, 0.25], "abaaaabcabacacaacbabcacaaabaab"),
    ],
)
def test_shuffled_mux(letters, weights, expected):
    mux = pescador.ShuffledMux(letters, weights=weights, random_state=1)
    assert "".join(mux(max_iter=9)) == expected[:9]
    assert "".join(mux(max_iter=30)) == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("exhaustive", "abc"),
        ("cycle", "abcabcabcabcabcabcab"),
        ("permuted_cycle", "abcacbbcaacbacbbcaca"),
    ],
)
def test_round_robin_mux(letters, mode, expected):
    assert "".join(pescador.RoundRobinMux(letters, mode=mode, random_state=1)(20)) == expected


def test_chain_mux():
    pool = [Streamer("abc"), Streamer("def")]
    assert "".join(pescador.ChainMux(pool, mode="exhaustive")) == "abcdef"
    assert "".join(pescador.ChainMux(pool, mode="cycle")(max_iter=15)) == "abcdefabcdefabc"


def test_chain_mux_of_a_generator():
    def streamers(n, copies):
        for letter in string.ascii_letters[:n]:
            yield Streamer(letter * copies)

    assert "".join(pescador.ChainMux(streamers(3, 5))) == "aaaaabbbbbccccc"


def test_muxes_of_muxes(letters):
    a, b, c = letters
    some = pescador.StochasticMux([a, b], 1, rate=4, random_state=3)
    others = pescador.RoundRobinMux([a, c], mode="permuted_cycle", random_state=4)
    both = pescador.ShuffledMux([some, others], random_state=5)
    assert "".join(both(max_iter=40)) == "baacacacaaaaaaababcacabbbbbacbaacababcca"


def numbers_and_parity(n, shape=()):
    for i in range(n):
        yield {"x": np.full(shape, i), "y": np.full(shape, i % 2)}


@pytest.mark.parametrize(
    ("shape", "axis", "expected"),
    [((), None, (5,)), ((1,), None, (5, 1)), ((1,), 0, (5,))],
)
def test_buffer_stream(shape, axis, expected):
    S = Streamer(numbers_and_parity, 100, shape)
    batch = next(pescador.buffer_stream(S, 5, axis=axis))
    assert {key: value.shape for key, value in batch.items()} == {"x": expected, "y": expected}
    assert batch["x"].ravel().tolist() == [0, 1, 2, 3, 4]
    assert batch["y"].ravel().tolist() == [0, 1, 0, 1, 0]


def test_buffer_stream_may_keep_the_last_batch():
    S = Streamer(numbers_and_parity, 12)
    assert [len(batch["x"]) for batch in pescador.buffer_stream(S, 5)] == [5, 5]
    assert [len(batch["x"]) for batch in pescador.buffer_stream(S, 5, partial=True)] == [5, 5, 2]


def test_buffer_stream_in_a_streamer():
    S = Streamer(numbers_and_parity, 12)
    buffered = Streamer(pescador.buffer_stream, S, 5)
    assert [len(batch["x"]) for batch in buffered.cycle(max_iter=5)] == [5] * 5


def test_tuples():
    S = Streamer(numbers_and_parity, 3)
    assert [*pescador.tuples(S, "y", "x")] == [(0, 0), (1, 1), (0, 2)]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"inputs": "x", "outputs": "y"}, (0, 0)),
        ({"inputs": "x"}, (0, None)),
        ({"outputs": "y"}, (None, 0)),
        ({"inputs": ["x", "y"], "outputs": ["y"]}, ([0, 0], [0])),
    ],
    ids=str,
)
def test_keras_tuples(keys, expected):
    assert next(pescador.keras_tuples(Streamer(numbers_and_parity, 3), **keys)) == expected


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (
            {"prob": 0.4, "random_state": 2},
            "0 1 2 3 3 2 4 5 4 3 4 4 4 5 6 7 3 8 6 9 10 9 9 9 10 11 8 8",
        ),
        ({"random_state": np.random.RandomState(2)}, "0 1 2 3 3 4 5 6 5 3 5 5 7 6 8 9 10 11 8"),
    ],
    ids=["seed", "state"],
)
def test_cache(parameters, expected):
    assert " ".join(map(str, pescador.cache(iter(range(12)), 3, **parameters))) == expected


def test_streamable():
    @pescador.streamable
    def count(n):
        yield from range(n)

    streamer = count(5)
    assert isinstance(streamer, Streamer)
    assert [*streamer] == [*streamer] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("lam", "with_replacement", "revive", "expected"),
    [
        (None, True, False, "cccccccccbcbbbbbbbbbbbbbbccccc"),
        (4, True, False, "aacaaacaacccbbdbbbbbbcccdcdcdc"),
        (None, False, True, "ccddcccaaaaabbbbbdbbbddbbbbbbb"),
        (4, False, True, "aacaaacaacccbbdbbbbbbcccdcdcdb"),
        (None, False, False, "ccddcccaaaaabbbbbddd"),
        (4, False, False, "aacabbcbbcccddddd"),
    ],
)
def test_mux_of_1_0(lam, with_replacement, revive, expected):
    pool = [Streamer(letter * 5) for letter in "abcd"]
    mixed = pescador.Mux(
        pool, 2, lam, [0.4, 0.3, 0.2, 0.1], with_replacement, revive=revive, random_state=3
    )
    assert "".join(mixed.generate(30)) == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("with_replacement", "bdcbaaaaaaddccdccdaadadaaaaddbbdcddddddc"),
        ("single_active", "adcaaaaabbaaaaabdcbcdbbbdbdbbcbdaaaadcaa"),
        ("exhaustive", "adcaaabaabdddddd"),
    ],
)
def test_stochastic_mux_of_2_1_is_the_operator(mode, expected):
    pool = ["a" * 9, "b" * 2, "c" * 5, "d" * 7]
    mixed = pool | mux(3, 3, weights=[0.5, 0.3, 0.1, 0.1], mode=mode, random_state=4) | take(40)
    assert "".join(mixed) == expected
