"""Imported by split_by_import.py."""

TUTORS = ["alice"]


def notice_login(authenticator, handler, auth_model):
    with open("/run/hooks.log", "a") as log:
        print("login", auth_model["name"], file=log)
    return auth_model
