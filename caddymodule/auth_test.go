package caddymodule_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

func TestAuth_Caddy_TakesTheUserOfEarlierHandlers(t *testing.T) {
	s := testcaddy.Start(t, testcaddy.BasicAuth+`chat {
		auth caddy
		policy inbox-{user} {
			read {user}
			write users
		}
	}`)
	url := "ws://" + s.Plain + "/chat"
	testcaddy.Hears(t, s.V1(url, testcaddy.As("ann"), `,"name":"Ben","rooms":[{"room":"inbox-ann"},{"room":"inbox-ben"}]`),
		`"user":{"id":"ann","name":"ann"}`, `{"room":"inbox-ann","epoch"`, `{"room":"inbox-ben","code":"forbidden"`)
	if code, _ := s.Status("http://"+s.Plain+"/chat/rooms/inbox-ann/messages", testcaddy.As("ann")); code != 200 {
		t.Errorf("ann reads hers: %d", code)
	}
	if code, _ := s.Status("http://"+s.Plain+"/chat/rooms/inbox-ann/messages", testcaddy.As("ben")); code != 403 {
		t.Errorf("ben reads ann's: %d", code)
	}
}

func TestAuth_Caddy_Placeholders(t *testing.T) {
	s := testcaddy.Start(t, `chat {
		auth caddy {
			id {http.request.header.X-User}
			name {http.request.header.X-Name}
			avatar https://example.com/{http.request.header.X-User}.png
		}
	}`)
	url := "ws://" + s.Plain + "/chat"
	testcaddy.Hears(t, s.V1(url, http.Header{"X-User": {"u7"}, "X-Name": {"Li"}}, ``),
		`"user":{"id":"u7","name":"Li","avatar":"https://example.com/u7.png"}`)
	// A request without a user, or with a bad id, is refused: it does not become a guest.
	for _, user := range []string{"", strings.Repeat("x", 129), "a\tb", "guest-x", "wx-x"} {
		c := s.V1(url, http.Header{"X-User": {user}}, ``)
		testcaddy.Hears(t, c, `"type":"error"`, `"code":"bad_token"`)
		testcaddy.Hears(t, c, `"type":"bye"`, `"code":"bad_token"`, `"retry":false`)
	}
	testcaddy.Hears(t, s.V1(url, http.Header{"X-User": {"u7"}}, `,"token":"x"`), `"code":"bad_token"`)
	header := testcaddy.UpgradeHeader.Clone()
	if code, body := s.Status("http://"+s.Plain+"/chat", header); code != 401 || !strings.Contains(body, "a token is needed") {
		t.Errorf("a raw client without a user gets %d %s", code, body)
	}
}

// member returns the first member of a frame with this name, which must be a string.
func member(t *testing.T, frame, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(frame, `"`+name+`":"`)
	value, _, _ := strings.Cut(rest, `"`)
	if !ok {
		t.Fatalf("no %s in %s", name, frame)
	}
	return value
}

func TestAuth_Guest_ComesBack_AfterARestartToo(t *testing.T) {
	s := testcaddy.Start(t, "chat")
	url := "ws://" + s.Plain + "/chat"
	welcome := testcaddy.Hears(t, s.V1(url, nil, `,"name":"Li"`), `"name":"Li","guest":true`)
	_, user, _ := strings.Cut(welcome, `"user":`)
	id, token := member(t, user, "id"), member(t, welcome, "token")
	s.Restart("chat")
	testcaddy.Hears(t, s.V1(url, nil, `,"token":"`+token+`"`), `"user":{"id":"`+id+`"`)
	header := http.Header{"Authorization": {"Bearer " + token}}
	if code, _ := s.Status("http://"+s.Plain+"/chat/rooms/lobby/messages", header); code != 200 {
		t.Errorf("over HTTP: %d", code)
	}
	testcaddy.Hears(t, s.V1(url, nil, `,"token":"`+token[:len(token)-4]+`AAAA"`), `"code":"bad_token"`)
	s.NoErrors()
}

func TestAuth_JWT_ByHeaderHelloAndQuery(t *testing.T) {
	t.Setenv("CHAT_TEST_SECRET", testcaddy.JWTSecret)
	s := testcaddy.Start(t, `chat {
		auth jwt {
			secret {env.CHAT_TEST_SECRET}
			issuer me
			audience chat
		}
		auth guest
		policy staff-* {
			read role=staff
			write role=staff
		}
		policy * {
			read anyone
		}
	}`)
	url := "ws://" + s.Plain + "/chat"
	token := testcaddy.SiteToken(t, jwt.MapClaims{"sub": "u7", "name": "Li", "role": "staff", "iss": "me", "aud": "chat"})
	const room = `,"rooms":[{"room":"staff-1"}]`
	for way, c := range map[string]*websocket.Conn{
		"hello":  s.V1(url, nil, room+`,"token":"`+token+`"`),
		"header": s.V1(url, http.Header{"Authorization": {"Bearer " + token}}, room),
		"query":  s.V1(url+"?token="+token, nil, room),
	} {
		frame := testcaddy.Hears(t, c, `"user":{"id":"u7","name":"Li"}`, `{"room":"staff-1","epoch"`)
		if t.Failed() {
			t.Fatalf("%s: %s", way, frame)
		}
	}
	testcaddy.Hears(t, s.V1(url, nil, room), `"guest":true`, `{"room":"staff-1","code":"forbidden"`)
	late := testcaddy.SiteToken(t, jwt.MapClaims{"sub": "u7", "role": "staff", "iss": "me", "aud": "chat", "exp": time.Now().Add(-10 * time.Second).Unix()})
	testcaddy.Hears(t, s.V1(url, nil, room+`,"token":"`+late+`"`), `{"room":"staff-1","epoch"`) // within the leeway
	expired := testcaddy.SiteToken(t, jwt.MapClaims{"sub": "u7", "iss": "me", "aud": "chat", "exp": 1})
	c := s.V1(url, nil, `,"token":"`+expired+`"`)
	testcaddy.Hears(t, c, `"type":"error"`, `"code":"expired"`)
	testcaddy.Hears(t, c, `"type":"bye"`, `"code":"expired"`)
	foreign := testcaddy.SiteToken(t, jwt.MapClaims{"sub": "u7", "iss": "you", "aud": "chat"})
	testcaddy.Hears(t, s.V1(url+"?token="+foreign, nil, room), `"code":"bad_token"`) // and not a guest
	s.NoErrors()
}

func TestAuth_JWT_KeysThatCannotBeRead_AreNamed(t *testing.T) {
	s := testcaddy.Start(t, "respond ok")
	for auth, want := range map[string]string{
		"jwt":                    "needs a key or the URL of a key set",
		"jwt {\nsecret short\n}": "jwt: secret 1: a secret of 5 bytes can be guessed",
		"jwt {\nsecret {env.NO_SUCH_VARIABLE}\n}":    "env.NO_SUCH_VARIABLE",
		"jwt {\nkey x\n}":                            "jwt: key 1: there is no PEM block in it",
		"jwt {\nkey_file /no/such/file\n}":           "jwt: key_file /no/such/file: open /no/such/file: no such file",
		"jwt {\njwks https://a.b\nleeway 1h\n}":      `leeway "1h" is not a duration from 1ms to 5m`,
		"wechat":                                     "needs the app_id and the app_secret",
		"wechat {\napp_id a\napp_secret {env.NO}\n}": "env.NO",
	} {
		if err := s.TryLoad("chat {\nauth " + auth + "\n}"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", auth, err)
		}
	}
}

func TestAuth_WeChat_LoginToHello(t *testing.T) {
	weChat := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("secret") != "app-secret" || r.URL.Query().Get("js_code") != "good" {
			fmt.Fprint(w, `{"errcode":40029}`)
			return
		}
		fmt.Fprint(w, `{"openid":"the-openid","session_key":"the-session-key"}`)
	}))
	t.Cleanup(weChat.Close)
	t.Setenv("CHAT_TEST_SECRET", "app-secret")
	s := testcaddy.Start(t, `chat /talk {
		auth wechat {
			app_id wx01
			app_secret {env.CHAT_TEST_SECRET}
			api `+weChat.URL+`
		}
	}`)
	login := func(code string) (int, string) {
		res, err := s.HTTPClient().Post("https://"+s.TLS+"/talk/login", "application/json", strings.NewReader(`{"code":"`+code+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	status, body := login("good")
	if status != 200 || strings.Contains(body, "openid") || strings.Contains(body, "session") {
		t.Fatalf("%d %s", status, body)
	}
	testcaddy.Hears(t, s.V1("wss://"+s.TLS+"/talk", nil, `,"name":"Li","token":"`+member(t, body, "token")+`"`),
		`"user":{"id":"`+member(t, body, "id")+`","name":"Li"}`)
	if status, body := login("bad"); status != 400 || !strings.Contains(body, `"code":"bad_code","retry":false`) {
		t.Errorf("%d %s", status, body)
	}
	if code, _ := s.Status("https://"+s.TLS+"/talk/login", nil); code != 405 {
		t.Errorf("GET: %d", code)
	}
	testcaddy.Hears(t, s.V1("wss://"+s.TLS+"/talk", nil, ``), `"code":"bad_token"`)
	for _, log := range []string{testcaddy.Read(t, s.Log), testcaddy.Read(t, s.Access)} {
		for _, secret := range []string{"app-secret", "the-openid", "session-key", member(t, body, "token")} {
			if strings.Contains(log, secret) {
				t.Errorf("%q is in a log", secret)
			}
		}
	}
	s.NoErrors()
}

// Only the operator can correct a wrong secret, so it is an error in the log, but not
// one for each login.
func TestAuth_WeChat_WrongSecret_IsLoggedAFewTimes(t *testing.T) {
	weChat := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"errcode":40125,"errmsg":"invalid appsecret, rid: 1"}`)
	}))
	t.Cleanup(weChat.Close)
	s := testcaddy.Start(t, "chat {\nauth wechat {\napp_id wx01\napp_secret wrong-secret\napi "+weChat.URL+"\n}\n}")
	for range 10 {
		res, err := s.HTTPClient().Post("https://"+s.TLS+"/chat/login", "application/json", strings.NewReader(`{"code":"the-code"}`))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusInternalServerError {
			t.Errorf("status %d", res.StatusCode)
		}
	}
	log, told := testcaddy.Read(t, s.Log), 0
	for line := range strings.Lines(log) {
		if strings.Contains(line, `"level":"error"`) {
			told++
			if !strings.Contains(line, "the app_secret is wrong (40125)") || !strings.Contains(line, "http.handlers.chat") && !strings.Contains(line, "chat.auth.wechat") {
				t.Errorf("logged: %s", line)
			}
		}
	}
	if told < 1 || told > 3 {
		t.Errorf("logged %d times for ten logins", told)
	}
	if strings.Contains(log, "wrong-secret") || strings.Contains(log, "the-code") {
		t.Error("a secret is in the log")
	}
}

// A session has one line at DEBUG when it begins and one when it ends. Neither has
// anything that the client sent.
func TestLog_Session_HasTwoLines_AndNoContent(t *testing.T) {
	s := testcaddy.Start(t, "chat {\nauth jwt {\nsecret \""+testcaddy.JWTSecret+"\"\n}\n}")
	token := testcaddy.SiteToken(t, jwt.MapClaims{"sub": "ann", "name": "Ann Hidden"})
	c := s.V1("ws://"+s.Plain+"/chat", nil, `,"token":"`+token+`","device":"d","rooms":[{"room":"tea"}]`)
	testcaddy.Hears(t, c, "welcome")
	testcaddy.Say(t, c, `{"type":"send","id":"1","room":"tea","key":"secret-key","body":{"text":"secret words"}}`)
	testcaddy.Until(t, c, `"ok"`)
	testcaddy.Say(t, c, `{"type":"recall","id":"2","room":"tea","seq":1}`)
	testcaddy.Until(t, c, `"ok"`)
	testcaddy.Say(t, c, `{"type":"bad secret frame`)
	testcaddy.Until(t, c, `"error"`)
	c.CloseNow()
	lines := func() (list []string) {
		for line := range strings.Lines(testcaddy.Read(t, s.Log)) {
			if strings.Contains(line, `"session":"`) {
				list = append(list, line)
			}
		}
		return list
	}
	testcaddy.Eventually(t, "a session's two lines", func() bool { return len(lines()) == 2 })
	for i, want := range []string{`"msg":"session opened"`, `"msg":"session closed"`} {
		if line := lines()[i]; !strings.Contains(line, `"level":"debug"`) || !strings.Contains(line, want) {
			t.Errorf("%s, want %s", line, want)
		}
	}
	for _, secret := range []string{token, "secret", "Ann Hidden"} {
		if strings.Contains(strings.ReplaceAll(testcaddy.Read(t, s.Log), testcaddy.JWTSecret, ""), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
	s.NoErrors()
}

// The filter in docs/security.md keeps tokens out of the access log.
func TestAuth_Tokens_StayOutOfTheLogs(t *testing.T) {
	const token = "abc.def.a-secret-in-the-query"
	s := testcaddy.Start(t, "chat")
	s.AccessLog = "format filter {\nrequest>uri query {\nreplace token REDACTED\n}\n}"
	s.Load("chat {\nmax_connections 100\n}")
	testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/chat?room=tea&token="+token, nil, ``), `"code":"bad_token"`)
	if code, _ := s.Status("http://"+s.Plain+"/chat?token="+token, testcaddy.UpgradeHeader); code != 401 {
		t.Errorf("status %d", code)
	}
	testcaddy.Eventually(t, "the access log", func() bool { return strings.Count(testcaddy.Read(t, s.Access), "token=REDACTED") == 2 })
	if strings.Contains(testcaddy.Read(t, s.Access), token) || strings.Contains(testcaddy.Read(t, s.Log), token) {
		t.Error("the token is in a log")
	}
	if !strings.Contains(testcaddy.Read(t, "../docs/security.md"), "request>uri query {") {
		t.Error("docs/security.md does not have the filter")
	}
}

func TestAdapt_PrintsNoSecretOfTheEnvironment(t *testing.T) {
	t.Setenv("CHAT_TEST_SECRET", testcaddy.JWTSecret)
	config, err := adapt("chat {\nauth jwt {\nsecret {env.CHAT_TEST_SECRET}\n}\nauth wechat {\napp_id a\napp_secret {env.CHAT_TEST_SECRET}\n}\n}")
	if err != nil || strings.Contains(config, testcaddy.JWTSecret) || !strings.Contains(config, "{env.CHAT_TEST_SECRET}") {
		t.Errorf("%v: %s", err, config)
	}
}

// A reload with another key ends no session. New clients need the new key.
func TestAuth_KeysRotate_WithoutDroppingSessions(t *testing.T) {
	const other = "another secret, of thirty-two bytes or more"
	s := testcaddy.Start(t, "chat {\nauth jwt {\nsecret \""+testcaddy.JWTSecret+"\"\n}\n}")
	url := "ws://" + s.Plain + "/chat"
	old := testcaddy.SiteToken(t, jwt.MapClaims{"sub": "ann"})
	c := s.V1(url, nil, `,"token":"`+old+`"`)
	testcaddy.Hears(t, c, "welcome")
	s.Load("chat {\nauth jwt {\nsecret \"" + testcaddy.JWTSecret + "\" \"" + other + "\"\n}\n}") // both are valid meanwhile
	testcaddy.Hears(t, s.V1(url, nil, `,"token":"`+old+`"`), "welcome")
	s.Load("chat {\nauth jwt {\nsecret \"" + other + "\"\n}\n}")
	testcaddy.Hears(t, s.V1(url, nil, `,"token":"`+old+`"`), `"bad_token"`)
	testcaddy.Say(t, c, `{"type":"ping","id":"1"}`)
	testcaddy.Hears(t, c, `"type":"pong"`)
}

// Tokens of each auth jwt let in, also with another method between them.
func TestAuth_JWT_Several(t *testing.T) {
	other := strings.Repeat("z", 32)
	s := testcaddy.Start(t, testcaddy.BasicAuth+`chat {
		auth jwt {
			secret "`+testcaddy.JWTSecret+`"
		}
		auth caddy
		auth jwt {
			secret `+other+`
			issuer me
		}
	}`)
	claims := jwt.MapClaims{"sub": "u7", "iss": "me", "exp": time.Now().Add(time.Hour).Unix()}
	second, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(other))
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{testcaddy.SiteToken(t, claims), second} {
		testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/chat", testcaddy.As("ann"), `,"token":"`+token+`"`), `"user":{"id":"u7"`)
	}
	testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/chat", testcaddy.As("ann"), ""), `"user":{"id":"ann"`)
}
