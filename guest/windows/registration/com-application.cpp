#include "com-application.h"

#include <comadmin.h>
#include <objbase.h>

#include "../class-entry.h"
#include "../identity.h"
#include "../requestor/com-pointer.h"
#include "accounts.h"

namespace snaphook {

namespace {

/* Of the COM+ catalogue, which takes them as short numbers. */
constexpr SHORT AUTHENTICATION_PACKET_PRIVACY = 6;
constexpr SHORT CAPABILITY_SECURE_REFERENCES = 2;
constexpr SHORT IMPERSONATION_IDENTIFY = 2;
constexpr SHORT SYNCHRONIZATION_NONE = 1;

/* A text for a call of the catalogue. */
class Text {
   public:
    explicit Text(const wchar_t *text) : text_(SysAllocString(text)) {}
    ~Text() { SysFreeString(text_); }
    Text(const Text &) = delete;
    Text &operator=(const Text &) = delete;
    operator BSTR() const { return text_; }

   private:
    BSTR text_;
};

/* A value that is freed at the end. */
class Value {
   public:
    Value() { VariantInit(&value_); }
    ~Value() { VariantClear(&value_); }
    Value(const Value &) = delete;
    Value &operator=(const Value &) = delete;
    VARIANT *out() { return &value_; }
    const VARIANT &get() const { return value_; }

    static VARIANT of(SHORT number) {
        VARIANT value = {};
        value.vt = VT_I2;
        value.iVal = number;
        return value;
    }
    static VARIANT truth() {
        VARIANT value = {};
        value.vt = VT_BOOL;
        value.boolVal = VARIANT_TRUE;
        return value;
    }

   private:
    VARIANT value_;
};

/* The calls of the catalogue give out IDispatch; these interfaces derive from it, and the catalogue hands over no others. */
template <typename Interface>
IDispatch **dispatch_of(ComPointer<Interface> &pointer) {
    return reinterpret_cast<IDispatch **>(pointer.out());
}

HRESULT put_text(ComPointer<ICatalogObject> &object, const wchar_t *name, const wchar_t *text) {
    Value value;
    value.out()->vt = VT_BSTR;
    value.out()->bstrVal = SysAllocString(text);
    return object->put_Value(Text(name), value.get());
}

bool has_our_name(ComPointer<ICatalogObject> &object) {
    Value name;
    if (FAILED(object->get_Value(Text(L"Name"), name.out()))) return false;
    return name.get().vt == VT_BSTR && wcscmp(name.get().bstrVal, PROVIDER_NAME) == 0;
}

/* Ends at the first call that fails, with what it was for. */
class Work {
   public:
    Work &then(const char *what, HRESULT result) {
        if (!failure_ && FAILED(result)) failure_ = {result, std::string("COM+: ") + what + " failed"};
        return *this;
    }
    bool goes_on() const { return SUCCEEDED(failure_.result); }
    Failure failure() const { return failure_; }

   private:
    Failure failure_;
};

class Catalogue {
   public:
    Failure open() {
        void **out = reinterpret_cast<void **>(catalogue_.out()); /* as COM gives out every interface */
        HRESULT result = CoCreateInstance(__uuidof(COMAdminCatalog), nullptr, CLSCTX_INPROC_SERVER, __uuidof(ICOMAdminCatalog2), out);
        if (FAILED(result)) return check(result, "the COM+ catalogue cannot be opened: CoCreateInstance");
        result = catalogue_->GetCollection(Text(L"Applications"), dispatch_of(applications_));
        if (SUCCEEDED(result)) result = applications_->Populate();
        return check(result, "the COM+ applications cannot be read: GetCollection");
    }

    Failure add_application(const wchar_t *dll);
    Failure remove_applications();

   private:
    Failure make_application(Value &key);
    void allow_calls_at_once(const VARIANT &application);
    Failure add_role(const VARIANT &application);
    Failure add_user(ComPointer<ICatalogCollection> &users, WELL_KNOWN_SID_TYPE account, const wchar_t *before);

    ComPointer<ICOMAdminCatalog2> catalogue_;
    ComPointer<ICatalogCollection> applications_;
};

Failure Catalogue::make_application(Value &key) {
    ComPointer<ICatalogObject> application;
    LONG changes = 0;
    Work work;
    work.then("Add", applications_->Add(dispatch_of(application)));
    if (!work.goes_on()) return work.failure();
    return work.then("Name", put_text(application, L"Name", PROVIDER_NAME))
        .then("Description", put_text(application, L"Description", PROVIDER_NAME))
        .then("access checks", application->put_Value(Text(L"ApplicationAccessChecksEnabled"), Value::truth()))
        .then("Authentication", application->put_Value(Text(L"Authentication"), Value::of(AUTHENTICATION_PACKET_PRIVACY)))
        .then("capability", application->put_Value(Text(L"AuthenticationCapability"), Value::of(CAPABILITY_SECURE_REFERENCES)))
        .then("ImpersonationLevel", application->put_Value(Text(L"ImpersonationLevel"), Value::of(IMPERSONATION_IDENTIFY)))
        .then("SaveChanges", work.goes_on() ? applications_->SaveChanges(&changes) : S_OK)
        .then("Key", application->get_Key(key.out()))
        .failure();
}

/*
 * COM+ lets one call at a time into a component, unless told otherwise: an abort would wait for the end of the hold that it is to
 * end. Where it cannot be told the provider works all the same, and its hold ends by release, time, or the requestor's death.
 */
void Catalogue::allow_calls_at_once(const VARIANT &application) {
    ComPointer<ICatalogCollection> components;
    LONG count = 0;
    LONG changes = 0;
    HRESULT result = applications_->GetCollection(Text(L"Components"), application, dispatch_of(components));
    if (SUCCEEDED(result)) result = components->Populate();
    if (SUCCEEDED(result)) result = components->get_Count(&count);
    for (LONG at = 0; SUCCEEDED(result) && at < count; at += 1) {
        ComPointer<ICatalogObject> component;
        result = components->get_Item(at, dispatch_of(component));
        if (SUCCEEDED(result)) result = component->put_Value(Text(L"Synchronization"), Value::of(SYNCHRONIZATION_NONE));
    }
    if (SUCCEEDED(result)) components->SaveChanges(&changes);
}

Failure Catalogue::add_user(ComPointer<ICatalogCollection> &users, WELL_KNOWN_SID_TYPE account, const wchar_t *before) {
    std::wstring name;
    HRESULT named = account_name(account, &name);
    if (FAILED(named)) return check(named, "the name of a well-known account is not known: LookupAccountSid");
    ComPointer<ICatalogObject> user;
    HRESULT result = users->Add(dispatch_of(user));
    if (SUCCEEDED(result)) result = put_text(user, L"User", (before + name).c_str());
    return check(result, "COM+: a user of the role");
}

Failure Catalogue::add_role(const VARIANT &application) {
    ComPointer<ICatalogCollection> roles;
    ComPointer<ICatalogCollection> users;
    ComPointer<ICatalogObject> role;
    Value key;
    LONG changes = 0;
    Work work;
    work.then("Roles", applications_->GetCollection(Text(L"Roles"), application, dispatch_of(roles)));
    if (work.goes_on()) work.then("Roles", roles->Populate()).then("a role", roles->Add(dispatch_of(role)));
    if (work.goes_on()) work.then("Name of the role", put_text(role, L"Name", L"Administrators"));
    if (work.goes_on()) work.then("SaveChanges of the role", roles->SaveChanges(&changes)).then("Key of the role", role->get_Key(key.out()));
    if (work.goes_on()) work.then("UsersInRole", roles->GetCollection(Text(L"UsersInRole"), key.get(), dispatch_of(users)));
    if (work.goes_on()) work.then("UsersInRole", users->Populate());
    if (!work.goes_on()) return work.failure();
    if (Failure failure = add_user(users, WinBuiltinAdministratorsSid, L".\\")) return failure;
    if (Failure failure = add_user(users, WinLocalSystemSid, L"")) return failure;
    return work.then("SaveChanges of the users", users->SaveChanges(&changes)).failure();
}

Failure Catalogue::add_application(const wchar_t *dll) {
    Value key;
    if (Failure failure = make_application(key)) return failure;
    Text name(PROVIDER_NAME);
    HRESULT result = catalogue_->CreateServiceForApplication(name, name, Text(L"SERVICE_DEMAND_START"), Text(L"SERVICE_ERROR_NORMAL"),
                                                             Text(L""), Text(L".\\localsystem"), Text(L""), VARIANT_FALSE);
    if (FAILED(result)) return check(result, "COM+: CreateServiceForApplication");
    /* The type library is in the DLL. */
    result = catalogue_->InstallComponent(name, Text(dll), Text(L""), Text(L""));
    if (FAILED(result)) return check(result, "COM+: InstallComponent");
    allow_calls_at_once(key.get());
    return add_role(key.get());
}

Failure Catalogue::remove_applications() {
    LONG count = 0;
    LONG changes = 0;
    Work work;
    work.then("Count", applications_->get_Count(&count));
    for (LONG at = count - 1; work.goes_on() && at >= 0; at -= 1) {
        ComPointer<ICatalogObject> application;
        work.then("Item", applications_->get_Item(at, dispatch_of(application)));
        if (!work.goes_on() || !has_our_name(application)) continue;
        /* Fails where its process does not run. */
        catalogue_->ShutdownApplication(Text(PROVIDER_NAME));
        /* Not there when the installation broke off before. */
        catalogue_->DeleteServiceForApplication(Text(PROVIDER_NAME));
        work.then("Remove", applications_->Remove(at));
    }
    if (work.goes_on()) work.then("SaveChanges", applications_->SaveChanges(&changes));
    return work.failure();
}

}  // namespace

Failure ComApplication::add() {
    Catalogue catalogue;
    Failure failure = catalogue.open();
    return failure ? failure : catalogue.add_application(dll_.c_str());
}

Failure ComApplication::remove() {
    Catalogue catalogue;
    Failure failure = catalogue.open();
    if (!failure) failure = catalogue.remove_applications();
    return failure ? failure : check(delete_class_entry(), "the provider's COM class cannot be taken away: RegDeleteTree");
}

}  // namespace snaphook
