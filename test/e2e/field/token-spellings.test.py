"""Tokens and user names as they are in use: any order, raw or escaped, in capitals or not, copied with a line end,
expiring in another millennium."""
import time
from urllib.parse import quote

from hub import HOST, Device, check, done, sas, signature
from mqtt import code_of

d = Device()
now = int(time.time())
ESCAPED = quote(d.uri, safe="")


def parts(scope, expiry):
    return {"sr": scope, "sig": quote(signature(d.key, f"{scope}\n{expiry}"), safe=""), "se": str(expiry)}


def join(fields, order, skn=None):
    return "SharedAccessSignature " + "&".join(f"{name}={skn if name == 'skn' else fields[name]}" for name in order)


def go(name, token, wanted=0, user=None):
    code = code_of(d.id, d.user if user is None else user, token)
    check(f"{name} {'is taken' if wanted == 0 else f'gets CONNACK {wanted}'}", code == wanted, code)


USUAL = ("sr", "sig", "se")
usual = parts(ESCAPED, now + 900)
for name, expiry in (
    ("the year 5343", 106471970490),
    ("milliseconds", (now + 600) * 1000),
    ("twenty digits", "99999999999999999999"),
):
    go(f"an expiry in {name}", d.sas(expiry=expiry))
go("the order sig, se, skn, sr with an empty skn", join(usual, ("sig", "se", "skn", "sr"), ""))
go("the order sr, sig, skn, se with an empty skn", join(usual, ("sr", "sig", "skn", "se"), ""))
go("the device id as skn", join(usual, ("sr", "sig", "se", "skn"), d.id))
go("an sr with escapes in lower case", join(parts(ESCAPED.replace("%2F", "%2f"), now + 900), USUAL))
go("an sr that is not escaped", join(parts(d.uri, now + 900), USUAL))
go("an sr that is escaped twice", join(parts(quote(ESCAPED, safe=""), now + 900), USUAL))
go("an sr with the host in capitals", join(parts(quote(d.uri.replace(HOST, HOST.upper()), safe=""), now + 900), USUAL))
go("an sr with a slash at its end", sas(d.uri + "/", d.key))
go("an sr with /api-version=2016-11-14 after it", sas(d.uri + "/api-version=2016-11-14", d.key))
go("an sr of {hub}/{id}", sas(f"{HOST}/{d.id}", d.key), 5)

fancy = next(
    p for p in (parts(ESCAPED, now + 900 + i) for i in range(10000)) if "%2B" in p["sig"] and "%2F" in p["sig"]
)
signed = fancy["sig"]
plus, slash, equals = ("%2B", "+"), ("%2F", "/"), ("%3D", "=")
FORMS = {
    "lower-case escapes": [(c, c.lower()) for c, _ in (plus, slash, equals)],
    "a raw slash": [slash],
    "a raw plus": [plus],
    "a raw equals sign": [equals],
    "nothing escaped": [plus, slash, equals],
}
for name, changes in FORMS.items():
    form = signed
    for old, new in changes:
        form = form.replace(old, new)
    go(f"a signature with {name}", join({**fancy, "sig": form}, USUAL))
go("a signature that is escaped twice", join({**fancy, "sig": quote(signed, safe="")}, USUAL), 5)
go("a token with a line end after it", join(fancy, USUAL) + "\r\n")
go("two blanks after the first word", join(fancy, USUAL).replace(" ", "  "))

VERSIONS = [
    "2016-11-14",
    "2017-06-30",
    "2018-06-30",
    "2019-10-01",
    "2020-09-30",
    "2021-04-12",
    "2021-06-30-preview",
    "2017-11-08-preview",
]
for version in VERSIONS:
    go(f"api-version {version}", d.sas(), user=f"{HOST}/{d.id}/?api-version={version}")
go("a user name with the host in capitals", d.sas(), user=d.user.replace(HOST, HOST.upper()))
go("the user name {hub}/{id}", d.sas(), user=f"{HOST}/{d.id}")
go("the user name {hub}/{id}/", d.sas(), user=f"{HOST}/{d.id}/")
go(
    "a user name with the client's type first",
    d.sas(),
    user=f"{HOST}/{d.id}/?DeviceClientType=azsdk-c%2F1.4.0&api-version=2020-09-30",
)
go("a user name with ?api-version without a slash", d.sas(), 5, f"{HOST}/{d.id}?api-version=2018-06-30")
go("an sr with the id in capitals", sas(d.uri.upper(), d.key), 5)
go("an empty password", "", 5)
done()
