"""Solvers: which (lambda, epochs) to search next, given the finished and the pending trials.

Knows neither the database nor the NAS search. Start at :class:`solver.base.Solver`.
"""
