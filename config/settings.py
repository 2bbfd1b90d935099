"""Settings, all of them, read from the environment.

`SWAY_ENV=production` refuses to start on defaults that only suit one's own machine. A wrong or missing value raises
`ImproperlyConfigured` with a sentence that says what to set; `manage.py` prints it in one line and exits with 2.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config import navigation, schedule
from config.launcher.addresses import addresses

# Before any model or admin class names its type arguments.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

SWAY_ENV = env.str("SWAY_ENV", default="development")
if SWAY_ENV not in {"development", "production"}:
    raise ImproperlyConfigured(f"SWAY_ENV is {SWAY_ENV!r}: set it to development or production")
PRODUCTION = SWAY_ENV == "production"


def _required(name: str, development: str) -> str:
    """Return the variable, or its development default where there is one to use."""
    value = env.str(name, default="")
    if value:
        return str(value)
    if PRODUCTION:
        raise ImproperlyConfigured(f"{name} is not set: production needs it (docs/operations.md lists the variables)")
    return development


def _url(name: str, development: str, schemes: set[str]) -> str:
    value = _required(name, development)
    scheme = urlsplit(value).scheme
    if scheme not in schemes:
        raise ImproperlyConfigured(
            f"{name} does not start with {' or '.join(sorted(f'{s}://' for s in schemes))}: check its value"
        )
    return value


DATA_DIR = Path(env.str("SWAY_DATA", default=str(BASE_DIR / ".data"))).resolve()


def _activity_log() -> Any:
    """Return a folder as Path, or `s3://bucket/prefix`. A wrong value isn't repeated: it may hold a key."""
    value = env.str("ACTIVITY_LOG", default="").strip()
    if "://" not in value:
        return Path(value).resolve() if value else DATA_DIR / "log"
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+(/\w[\w.=-]*)*/?", value, re.ASCII):
        raise ImproperlyConfigured(
            "ACTIVITY_LOG is no address of an object store: write s3://bucket or s3://bucket/prefix; keys and the "
            "store's own address go into AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL"
        )
    return value.rstrip("/")


ACTIVITY_LOG: Any = _activity_log()
# Where imports lay rows aside, and what outgrows the memory goes: always a folder, beside the log where that is one.
SCRATCH = Path(
    env.str("SWAY_SCRATCH", default="").strip()
    or (ACTIVITY_LOG if isinstance(ACTIVITY_LOG, Path) else DATA_DIR / "scratch")
).resolve()
# What runs keep from night to night; made anew from the log where it is missing.
SCORING_STATE = DATA_DIR / "state"
SCORING_MEMORY = env.str("SCORING_MEMORY", default="").strip()
if SCORING_MEMORY and not re.fullmatch(r"[1-9]\d*(\.\d+)? ?[KMGT]i?B", SCORING_MEMORY):
    raise ImproperlyConfigured(f"SCORING_MEMORY is {SCORING_MEMORY!r}: write a number and a unit, 4GiB for example")
SCORING_ENGINE = env.str("SCORING_ENGINE", default="duckdb").strip()
if SCORING_ENGINE not in {"duckdb", "spark"}:
    raise ImproperlyConfigured(f"SCORING_ENGINE is {SCORING_ENGINE!r}: set it to duckdb or spark")
SPARK_MASTER = env.str("SPARK_MASTER", default="").strip()
if SPARK_MASTER and not re.fullmatch(r"local\[(\d+|\*)\]|spark://[^\s,/]+:\d+(,[^\s,/]+:\d+)*", SPARK_MASTER):
    raise ImproperlyConfigured(
        f"SPARK_MASTER is {SPARK_MASTER!r}: write spark://host:7077, or local[2] for two cores of this machine"
    )
if SCORING_ENGINE == "spark" and not SPARK_MASTER:
    raise ImproperlyConfigured("SCORING_ENGINE is spark: set SPARK_MASTER too, to spark://host:7077 for example")
if SCORING_ENGINE == "spark" and not isinstance(ACTIVITY_LOG, Path):
    raise ImproperlyConfigured(
        "SCORING_ENGINE is spark and ACTIVITY_LOG an object store: set it to a folder that all workers have"
    )

_embedded = addresses(BASE_DIR, DATA_DIR)
DEBUG = env.bool("DEBUG", default=False)
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("DEBUG is on: visitors would see settings and code; leave it out in production")
SECRET_KEY = _required("SECRET_KEY", "for-this-machine-only-never-in-production-0123456789abcdef")
ALLOWED_HOSTS = [h.strip() for h in _required("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1],testserver").split(",")]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "django_celery_results",
    "accounts",
    "scoring",
    "campaigns",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.csp.PolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "scoring.views.TopicNamesMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.views.SecondFactorMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.views.contact.contact",
            ]
        },
    }
]


def _database() -> dict[str, Any]:
    _url("DATABASE_URL", _embedded.database_url, {"postgres", "postgresql"})
    try:
        config: dict[str, Any] = env.db_url("DATABASE_URL", default=_embedded.database_url)
    except (ValueError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(f"DATABASE_URL can't be read: {error}") from error
    if config["ENGINE"] != "django.db.backends.postgresql" or not config.get("NAME"):
        raise ImproperlyConfigured("DATABASE_URL names no database: write postgres://user:password@host:5432/name")
    config["CONN_MAX_AGE"] = 60
    config["CONN_HEALTH_CHECKS"] = True
    config.setdefault("OPTIONS", {})["application_name"] = "sway"
    return config


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = _url("REDIS_URL", _embedded.redis_url, {"redis", "rediss", "unix"})
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

# REDIS_URL alone is enough: the broker follows it, in kombu's spelling of a socket.
_broker = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="") or _broker
if urlsplit(CELERY_BROKER_URL).scheme not in {"redis", "rediss", "redis+socket", "amqp", "amqps"}:
    raise ImproperlyConfigured(
        "CELERY_BROKER_URL does not start with redis://, redis+socket:// or amqp://: check its value"
    )
CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True
CELERY_TASK_TRACK_STARTED = True
CELERY_TIMEZONE = "UTC"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A run takes minutes; a message given to a worker that died comes back after this.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 6 * 3600}
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"scoring.tasks.*": {"queue": "scoring"}}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = schedule.ENTRIES

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# There is nothing to do here without an invitation, which brings its own form for a login.
ACCOUNT_ADAPTER = "accounts.views.AccountAdapter"
# Staff open the admin by a second factor only. The sample world, whose passwords lie in a file, does without.
STAFF_MFA = env.bool("STAFF_MFA", default=not DEBUG)
MFA_ADAPTER = "accounts.views.SecondFactorAdapter"
MFA_TOTP_ISSUER = "Sway"
# A phone's clock may be half a minute off.
MFA_TOTP_TOLERANCE = 1
# What it guards against is a stranger who signs up by somebody else's address; here logins come by invitation.
MFA_ALLOW_UNVERIFIED_EMAIL = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False
# Of ours, beside allauth's own: a campaign's e-mail, sent to oneself, and a page of single reactions, which reads the
# activity log.
ACCOUNT_RATE_LIMITS = {
    "test_mail": "5/h/user",
    "reactions": "10/m/ip,100/h/ip",
    "reactions_signed_in": "20/m/user,200/h/user",
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
# Only production collects; elsewhere files come straight from where they lie.
STATIC_ROOT = DATA_DIR / "static" if PRODUCTION else None
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if PRODUCTION
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}
# On one's own machine files come straight from static/, so that nothing has to be collected before the first page.
WHITENOISE_USE_FINDERS = not PRODUCTION
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = PRODUCTION
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
# How many proxies of one's own add to X-Forwarded-For: without it all visitors would share one rate limit.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXIES", default=1 if env.bool("BEHIND_PROXY", default=False) else 0)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

EMAIL_URL = _required("EMAIL_URL", "")
# Seconds until a mail server that doesn't answer is given up. The page that sends a link for a new password waits for
# it, and the web server's time limit watches its workers, not their threads: those would wait for good.
EMAIL_TIMEOUT = 10
if EMAIL_URL:
    _mail: dict[str, Any] = env.email_url("EMAIL_URL")
    EMAIL_TIMEOUT = _mail.pop("OPTIONS", {}).get("TIMEOUT", EMAIL_TIMEOUT)
    if not isinstance(EMAIL_TIMEOUT, int) or EMAIL_TIMEOUT < 1:
        raise ImproperlyConfigured("EMAIL_URL has a timeout that is no number of seconds: write ?timeout=30 at its end")
    vars().update(_mail)
else:
    # Nothing leaves a machine that names no mail server: each message becomes a file to look at.
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(DATA_DIR / "outbox")
# Every e-mail says that it can be answered, and every page whom to write to: somebody reads what comes there.
DEFAULT_FROM_EMAIL = _required("DEFAULT_FROM_EMAIL", "Sway <sway@localhost>")
BOUNCE_ADDRESS = env.str("BOUNCE_ADDRESS", default="").strip()
# Room for what is put between the two parts: a local part has 64 characters.
if BOUNCE_ADDRESS and not re.fullmatch(r"[\w.-]{1,26}@[\w-]+(\.[\w-]+)*", BOUNCE_ADDRESS, re.ASCII):
    raise ImproperlyConfigured(
        f"BOUNCE_ADDRESS is {BOUNCE_ADDRESS!r}: write bounces@sway.example, with 26 characters at most before the @"
    )
# Links in e-mails need an address of the site; requests bring their own.
PUBLIC_URL = _url("PUBLIC_URL", f"http://127.0.0.1:{env.str('PORT', default='8000')}", {"http", "https"}).rstrip("/")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "accounts.api.errors.problem_details",
    "DEFAULT_THROTTLE_CLASSES": ["accounts.api.throttles.KeyThrottle", "accounts.api.throttles.AddressThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        **dict.fromkeys(("key", "address"), env.str("API_RATE", default="600/min")),
        "reactions": env.str("API_REACTIONS_RATE", default="10/min"),
    },
    # Without it the whole of X-Forwarded-For would count, which anybody can write.
    "NUM_PROXIES": ALLAUTH_TRUSTED_PROXY_COUNT,
    "COERCE_DECIMAL_TO_STRING": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Sway partner API",
    "DESCRIPTION": (
        "Read people's scores, what they are made of, topics and your own campaigns. Send your key as "
        "`Authorization: Bearer sway_…`. Keys of accounts are strings, for they exceed what JavaScript's numbers hold."
    ),
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {},
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "accounts.api.problems.complete"],
}


UNFOLD = navigation.ADMIN

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"without secrets": {"()": "config.logs.WithoutSecrets"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["without secrets"]}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    # Spark's bridge to Java, which tells of each connection that it closes.
    "loggers": {"py4j": {"level": "WARNING"}},
}
