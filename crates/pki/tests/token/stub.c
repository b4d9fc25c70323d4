/* A PKCS#11 module that hands everything on to SoftHSM, but for what STUB_MODE says: what real tokens do and a software
 * token never does. Each C_Login is one line of the file STUB_LOG. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong_t;
typedef ulong_t (*function)();

struct list { unsigned char version[2]; function calls[68]; };

enum { GET_FUNCTION_LIST = 3, GET_TOKEN_INFO = 6, LOGIN = 18, SIGN = 43 }; /* places in CK_FUNCTION_LIST */

#define CKR_DEVICE_REMOVED 0x32UL
#define FLAGS_OFFSET 96 /* of CK_TOKEN_INFO */
#define CKF_USER_PIN_FINAL_TRY 0x00020000UL
#define CKF_USER_PIN_LOCKED 0x00040000UL

static struct list ours;
static struct list *real;

static int mode(const char *wanted) {
    const char *set = getenv("STUB_MODE");
    return set != NULL && strcmp(set, wanted) == 0;
}

static ulong_t sign(ulong_t session, void *data, ulong_t length, void *out, ulong_t *out_length) {
    if (mode("removed")) return CKR_DEVICE_REMOVED;
    while (mode("hangs")) pause();
    ulong_t result = real->calls[SIGN](session, data, length, out, out_length);
    if (mode("lies") && out != NULL) ((unsigned char *)out)[20] ^= 1;
    return result;
}

static ulong_t token_info(ulong_t slot, unsigned char *info) {
    ulong_t result = real->calls[GET_TOKEN_INFO](slot, info);
    ulong_t flag = mode("last-try") ? CKF_USER_PIN_FINAL_TRY : mode("locked") ? CKF_USER_PIN_LOCKED : 0;
    ulong_t flags;
    memcpy(&flags, info + FLAGS_OFFSET, sizeof flags);
    flags |= flag;
    memcpy(info + FLAGS_OFFSET, &flags, sizeof flags);
    return result;
}

static ulong_t login(ulong_t session, ulong_t user, void *pin, ulong_t length) {
    FILE *log = fopen(getenv("STUB_LOG"), "a");
    if (log != NULL) { fputs("login\n", log); fclose(log); }
    return real->calls[LOGIN](session, user, pin, length);
}

ulong_t C_GetFunctionList(struct list **out) {
    void *library = dlopen(getenv("STUB_REAL"), RTLD_NOW);
    if (library == NULL) return 5; /* CKR_GENERAL_ERROR */
    function get = (function)dlsym(library, "C_GetFunctionList");
    ulong_t result = get(&real);
    if (result != 0) return result;
    ours = *real;
    ours.calls[GET_FUNCTION_LIST] = (function)C_GetFunctionList;
    ours.calls[GET_TOKEN_INFO] = (function)token_info;
    ours.calls[LOGIN] = (function)login;
    ours.calls[SIGN] = (function)sign;
    *out = &ours;
    return 0;
}
