"""The journey of a sign-in: begin → callback → Identity → Grant → Session; and sign-out.

Entry point: :class:`airflow_oidc_auth.login.journey.Journey`. Knows neither a web framework nor an auth manager:
it takes strings and mappings and returns values; ``web`` turns them into redirects, cookies and pages.

``begin``     provider → one :class:`~airflow_oidc_auth.providers.attempt.LoginAttempt`, sealed into its own cookie
``complete``  cookie + query → provider verifies → rules decide → session opened, audited → :class:`SignedIn` or
              :class:`Refused`; every failure is a value with a code, a text and a correlation id
``sign_outs`` session ended and audited → the IdP's logout address, if it has one; what was overtaken is finished

IdP calls run on the provider's own threads, storage on the store's own threads, never on the event loop.
"""
