"""A real mail server for the tests: keeps what it takes as one JSON file each.

Arguments: port, folder, mode (none, starttls, tls), certificate, key. With TLS it demands the sign-in kuayu/secret.
It refuses nobody@ for good, and later@ until it was asked three times.
"""
import json, logging, os, ssl, sys, warnings
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
port, folder, mode = int(sys.argv[1]), sys.argv[2], sys.argv[3]
asked = {}


class Handler:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        asked[address] = asked.get(address, 0) + 1
        if address.startswith("later@") and asked[address] < 3:
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        Handler.count += 1
        path = os.path.join(folder, "%04d" % Handler.count)
        with open(path + ".tmp", "w") as f:
            json.dump({"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None or mode == "tls",
                       "content": envelope.content.decode("ascii")}, f)
        os.rename(path + ".tmp", path + ".json")
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    ok = isinstance(data, LoginPassword) and data.login == b"kuayu" and data.password == b"secret"
    return AuthResult(success=ok)


options = {"hostname": "127.0.0.1", "port": port}
if mode != "none":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4], sys.argv[5])
    options.update(authenticator=authenticate, auth_required=True)
    if mode == "tls":
        options.update(ssl_context=context, auth_require_tls=False)
    else:
        options.update(tls_context=context, require_starttls=True)
Controller(Handler(), **options).start()
print("ready", flush=True)
while sys.stdin.read(1):  # ends with the test that started it
    pass
