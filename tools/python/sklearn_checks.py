"""The checks that scikit-learn has for estimators, as tests."""

import unittest
import warnings

from sklearn.utils.estimator_checks import check_estimator


def run_checks(test, estimator):
    """Runs all checks, each as a part of `test`."""
    for instance, check in check_estimator(estimator, generate_only=True):
        with test.subTest(check.func.__name__), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                check(instance)
            except unittest.SkipTest as reason:
                # scikit-learn tries data frames where there are some.
                test.assertIn("pandas is not installed", str(reason))
